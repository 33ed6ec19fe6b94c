// What code this process folds with, by content: half-built tables are gone on with by the same alone.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../postgres/package-root.js';

/** Beside projections/, with what all of these import: how events are read, which rows one concerns, how they are written. */
const FOLDING = ['src/projector/rebuild/local-loader', 'src/projector/run-reader-thread'];

let digest: string | undefined;

/** A digest of what decides which rows this process makes of a log. */
export function runningCode(): string {
  const path = fileURLToPath(import.meta.url);
  digest ??= codeOf(join(dirname(path), '..', '..', '..'), extname(path));
  return digest;
}

/**
 * The digest of the files below `root` that end with `ending`, `.ts` of sources or `.js` of compiled ones, and of the
 * SQL of the tables, which lies below `sources`.
 */
export function codeOf(root: string, ending: string, sources = packageRoot()): string {
  const listed = (folder: string, end: string) =>
    readdirSync(join(folder, 'projections'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(end))
      .map((name) => join('projections', name));
  const hash = createHash('sha256');
  const add = (folder: string, path: string) =>
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(folder, path)))
      .update('\0');
  const code = withImports(root, [...listed(root, ending), ...FOLDING.map((path) => path + ending)], ending);
  for (const path of code) add(root, path);
  for (const path of listed(sources, '.sql').sort()) add(sources, path);
  return hash.digest('hex').slice(0, 16);
}

const IMPORT = /^(?:import|export) (?!type )[^;]*?'(\.[^']+)\.js'/gm;

/** Files, and all that they import but for types, sorted. */
function withImports(root: string, files: readonly string[], ending: string): string[] {
  const found = new Set(files);
  for (const path of found)
    for (const [, target] of readFileSync(join(root, path), 'utf8').matchAll(IMPORT))
      found.add(normalize(join(dirname(path), target!)) + ending);
  return [...found].sort();
}
