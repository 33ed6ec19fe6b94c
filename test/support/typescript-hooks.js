// tap's own loader compiles each file anew in each process, which took half of all tests' processor time. Here what
// was compiled is kept under a digest of all that went in, so that nothing stale can be run. Where a file is, tap's
// loader still finds.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../dist/tests/', import.meta.url));
const options = { target: 'ES2023', module: 'ESNext', verbatimModuleSyntax: true, inlineSourceMap: true };
const compiler = readFileSync(new URL('../../node_modules/typescript/package.json', import.meta.url));
const fixed = createHash('sha256').update(compiler).update(JSON.stringify(options));

/** A sibling is imported as the `.js` that it will be, and found as the `.ts` that it is. */
export async function resolve(specifier, context, nextResolve) {
  if (!specifier.startsWith('.') || !isOurs(context.parentURL ?? '')) return nextResolve(specifier, context);
  const url = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
  return existsSync(url)
    ? { url: url.href, format: 'module', shortCircuit: true }
    : nextResolve(specifier, context);
}

/** A hook of node's module loader: https://nodejs.org/docs/latest-v20.x/api/module.html#loadurl-context-nextload */
export async function load(url, context, nextLoad) {
  if (!isOurs(url)) return nextLoad(url, context);
  return { format: 'module', source: await compiled(fileURLToPath(url)), shortCircuit: true };
}

function isOurs(url) {
  return url.endsWith('.ts') && !url.includes('/node_modules/');
}

async function compiled(file) {
  const text = readFileSync(file, 'utf8');
  const kept = join(folder, `${fixed.copy().update(file).update('\0').update(text).digest('hex')}.js`);
  if (existsSync(kept)) return readFileSync(kept, 'utf8');
  const { default: typescript } = await import('typescript');
  const { outputText } = typescript.transpileModule(text, { fileName: file, compilerOptions: options });
  mkdirSync(folder, { recursive: true });
  // Whole or not at all: other processes look for it at the same time.
  writeFileSync(`${kept}.${process.pid}`, outputText);
  renameSync(`${kept}.${process.pid}`, kept);
  return outputText;
}
