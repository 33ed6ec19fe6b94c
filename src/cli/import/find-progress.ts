import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type pg from 'pg';
import { readImports } from '../../log/import-progress.js';

/** Where an import goes on, and the digest of what lies before, open to be fed with what comes. */
export interface Start {
  /** Of this run's own row, once it has one: an earlier run's goes on telling how far the file went then. */
  id: number | undefined;
  bytes: number;
  lines: number;
  hash: Hash;
  /** The file's length. */
  total: number;
}

/** Finds how far this content was imported into the source already: the longest beginning of it that was. */
export async function findProgress(pool: pg.Pool, source: string, path: string): Promise<Start> {
  const total = (await stat(path)).size;
  const imports = await readImports(pool, source, total);
  let start: Start = { id: undefined, bytes: 0, lines: 0, hash: createHash('sha256'), total };
  if (imports.length === 0) return start;

  const hash = createHash('sha256');
  let at = 0;
  for (const { bytes, lines, digest } of imports) {
    if (bytes > at)
      for await (const chunk of createReadStream(path, { start: at, end: bytes - 1 })) hash.update(chunk);
    at = bytes;
    if (hash.copy().digest().equals(digest)) start = { ...start, bytes, lines, hash: hash.copy() };
  }
  return start;
}
