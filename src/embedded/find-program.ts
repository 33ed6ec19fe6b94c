import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The full path of an executable: on PATH, else in the folders where Debian and manual installs put servers. */
export function findProgram(name: string, searchPath = process.env.PATH ?? ''): string | undefined {
  const folders = [...searchPath.split(delimiter).filter(Boolean), '/usr/sbin', '/usr/local/bin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
