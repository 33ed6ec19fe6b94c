// What a running `hookfold start` tells the other commands: a file in its home, readable by its owner only.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSameProcess, type ProcessIdentity } from './process-identity.js';

export interface RunFile {
  supervisor: ProcessIdentity;
  databaseUrl: string;
  /** Where the read models are not in the log's database. */
  readDatabaseUrl?: string;
  natsUrl: string;
  ingestUrl: string;
  queryUrl: string;
  projectorUrl: string;
  /** The role processes, so that a later start can wait for those of a killed one. */
  roles: ProcessIdentity[];
}

/** The run file of `home`, if the process that wrote it still runs. */
export function readRunFile(home: string): RunFile | undefined {
  const file = readLastRunFile(home);
  return file && isSameProcess(file.supervisor) ? file : undefined;
}

/** The run file of `home`, whether its writer lives or not. */
export function readLastRunFile(home: string): RunFile | undefined {
  try {
    return JSON.parse(readFileSync(pathOf(home), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Replaces the run file as a whole: a reader sees the old one or the new one. */
export function writeRunFile(home: string, file: RunFile): void {
  writeFileSync(`${pathOf(home)}.part`, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${pathOf(home)}.part`, pathOf(home));
}

/** Removes the run file, if there is one. */
export function removeRunFile(home: string): void {
  rmSync(pathOf(home), { force: true });
}

function pathOf(home: string): string {
  return join(home, 'run.json');
}
