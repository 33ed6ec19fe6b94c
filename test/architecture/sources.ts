import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/postgres/package-root.js';

/** A file of ours; `path` is relative to the package, with slashes. */
export interface SourceFile {
  path: string;
  text: string;
}

/** All files below these folders whose names end with one of `endings`, by path. */
export function readSources(folders: readonly string[], endings: readonly string[] = ['.ts']): SourceFile[] {
  return folders
    .flatMap((folder) => filesBelow(folder))
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .map((path) => ({ path, text: readFileSync(join(packageRoot(), path), 'utf8') }));
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(join(packageRoot(), folder), { withFileTypes: true });
  return entries
    .filter(({ name }) => name !== 'node_modules')
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(path) : [path];
    })
    .sort();
}
