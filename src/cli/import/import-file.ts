// Appends a file to the log, line by line in order, in batches: killed at any instant, it goes on where it was.
import type pg from 'pg';
import { BODY_LIMITS } from '../../ingest/read-body.js';
import type { NewEvent } from '../../log/new-event.js';
import { type Batch, commitBatch, type Imported } from './commit-batch.js';
import { findProgress } from './find-progress.js';
import { type ImportLease, releaseImportLease, takeImportLease } from './import-lease.js';
import { type BadLine, interpretLine } from './interpret-line.js';
import { type Line, readLines } from './lines.js';
import { rejectLine } from './reject-line.js';

export interface ImportOptions {
  source: string;
  /** Bytes of an event's body at the most, as at the door. */
  bodyBytes: number;
  /** Bytes done and in all, after each batch. */
  onProgress?(bytes: number, total: number, imported: Imported): void;
}

// An archive may hold a body as a text, at worst with each byte as an escape (\u001f), and more beside it.
const LINE_TO_BODY = 8;
const BATCH_LINES = 1000;
const BATCH_BYTES = 4 * 1024 * 1024;

/** Imports what of the file was not imported before. Throws where another import into the source runs. */
export async function importFile(pool: pg.Pool, path: string, options: ImportOptions): Promise<Imported> {
  const lease = await takeImportLease(pool, options.source);
  try {
    return await appendFile(pool, lease, path, options);
  } finally {
    await releaseImportLease(pool, lease);
  }
}

async function appendFile(
  pool: pg.Pool,
  lease: ImportLease,
  path: string,
  { source, onProgress, bodyBytes }: ImportOptions,
): Promise<Imported> {
  const at = await findProgress(pool, source, path);
  const imported: Imported = {
    skipped: at.lines,
    appended: 0,
    bad: [],
    badCount: 0,
    unfinished: undefined,
    lastPosition: 0,
  };
  let batch = beginBatch();

  const flush = async () => {
    await commitBatch(pool, lease, at, batch, imported);
    batch = beginBatch();
    onProgress?.(at.bytes, at.total, imported);
  };
  onProgress?.(at.bytes, at.total, imported);
  const from = at.bytes;
  const limits = { lineBytes: LINE_TO_BODY * bodyBytes, prefixBytes: BODY_LIMITS.prefixBytes };
  for await (const line of readLines(path, at, limits)) {
    if (mayGoOn(line)) {
      imported.unfinished = at.lines + 1;
      break;
    }
    at.lines += 1;
    at.bytes = line.end;
    at.hash = line.hash;
    if (line.length === 0) continue;
    takeLine(line, at.lines, { source, bodyBytes, batch, imported });
    if (batch.events.length + batch.rejected.length >= BATCH_LINES || batch.bytes >= BATCH_BYTES)
      await flush();
  }
  if (at.bytes > from) await flush();
  return imported;
}

// Lines without a time have that of their batch: an import may take long, and times are to rise with the positions.
function beginBatch(): Batch {
  return { now: new Date().toISOString(), events: [], rejected: [], bytes: 0 };
}

// A line without an end that is no whole JSON may be half of an event: once it is counted as done, the rest of it would
// be taken for another line.
function mayGoOn({ isEnded, bytes, length }: Line): boolean {
  if (isEnded) return false;
  if (length > bytes.length) return true;
  try {
    JSON.parse(bytes.toString());
    return false;
  } catch {
    return true;
  }
}

interface Taking {
  source: string;
  bodyBytes: number;
  batch: Batch;
  imported: Imported;
}

function takeLine(line: Line, number: number, { source, bodyBytes, batch, imported }: Taking): void {
  const isCut = line.length > line.bytes.length;
  const found: NewEvent | BadLine = isCut
    ? { reason: 'too_large' }
    : interpretLine(line.bytes, source, batch.now, bodyBytes);
  if ('event_id' in found) {
    batch.events.push({ line: number, event: found });
    batch.bytes += found.body.length;
    return;
  }
  const kept = line.length > bodyBytes ? BODY_LIMITS.prefixBytes : line.length;
  const body = Buffer.from(line.bytes.subarray(0, kept));
  batch.bytes += body.length;
  batch.rejected.push(rejectLine(imported, number, found, { source, body, length: line.length }));
}
