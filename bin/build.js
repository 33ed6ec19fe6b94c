// Compiles the TypeScript sources once per content: the output folder is named after a digest of what went
// in, so a stale build cannot be run, and two processes that build at once end with the same folder.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = ['src', 'schemas', 'projections', 'bench'];

function* typescriptFiles(folder) {
  if (!existsSync(folder)) return;
  const entries = readdirSync(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name === 'node_modules') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* typescriptFiles(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

function digestOfSources() {
  const hash = createHash('sha256');
  hash
    .update(readFileSync(join(root, 'tsconfig.json')))
    .update(readFileSync(join(root, 'tsconfig.build.json')));
  for (const folder of sources)
    for (const file of typescriptFiles(join(root, folder)))
      hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 16);
}

function compile(target) {
  const require = createRequire(join(root, 'package.json'));
  const tsc = require.resolve('typescript/bin/tsc');
  const scratch = `${target}.${process.pid}`;
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', scratch];
  const run = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (run.status !== 0) {
    rmSync(scratch, { recursive: true, force: true });
    throw new Error(`hookfold could not be built: tsc ended with ${run.status}. The lines above say where.`);
  }
  try {
    renameSync(scratch, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The folder of the compiled sources, compiled now if they changed since the last time. */
export function built() {
  const target = join(root, 'dist', digestOfSources());
  if (!existsSync(target)) {
    process.stderr.write('building hookfold …\n');
    compile(target);
  }
  return target;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(`${built()}\n`);
