// Appends a file to the log, line by line in order. A batch of lines, what was wrong with some of them, and how far
// the file is done are one transaction: killed at any instant, it goes on where it was.
import type pg from 'pg';
import { REJECTIONS } from '../../../schemas/http-ingest.js';
import { BODY_LIMITS } from '../../ingest/read-body.js';
import { appendEvents, isRefusedEvent } from '../../log/append-events.js';
import { lockImports, saveImport } from '../../log/import-progress.js';
import type { NewEvent } from '../../log/new-event.js';
import { keepRejected, type NewRejected } from '../../log/rejected.js';
import { findProgress, type Start } from './find-progress.js';
import { type BadLine, interpretLine } from './interpret-line.js';
import { type Line, readLines } from './lines.js';

export interface Imported {
  /** Lines that an earlier run had done. */
  skipped: number;
  appended: number;
  /** Lines that are no event, and where they are kept. */
  bad: { line: number; reason: string; detail: string }[];
  badCount: number;
  /** The number of a last line that was left, as the file seems to be still written. */
  unfinished: number | undefined;
  lastPosition: number;
}

export interface ImportOptions {
  source: string;
  /** Bytes done and in all, after each batch. */
  onProgress?(bytes: number, total: number, imported: Imported): void;
}

interface Batch {
  events: NewEvent[];
  rejected: NewRejected[];
  bytes: number;
}

const BATCH_LINES = 1000;
const BATCH_BYTES = 4 * 1024 * 1024;
const BAD_LINES_NAMED = 100;

/** Imports what of the file was not imported before. Throws where another import into the source runs. */
export async function importFile(
  client: pg.ClientBase,
  path: string,
  options: ImportOptions,
): Promise<Imported> {
  const { source, onProgress } = options;
  if (!(await lockImports(client, source)))
    throw new Error(`another import into ${source} is running; wait for its end`);
  const at = await findProgress(client, source, path);
  const imported: Imported = {
    skipped: at.lines,
    appended: 0,
    bad: [],
    badCount: 0,
    unfinished: undefined,
    lastPosition: 0,
  };
  let batch: Batch = { events: [], rejected: [], bytes: 0 };
  const now = new Date().toISOString();

  const flush = async () => {
    await commit(client, source, at, batch, imported);
    batch = { events: [], rejected: [], bytes: 0 };
    onProgress?.(at.bytes, at.total, imported);
  };
  onProgress?.(at.bytes, at.total, imported);
  const limits = { lineBytes: BODY_LIMITS.bodyBytes, prefixBytes: BODY_LIMITS.prefixBytes };
  for await (const line of readLines(path, at, limits)) {
    if (mayGoOn(line)) {
      imported.unfinished = at.lines + 1;
      break;
    }
    at.lines += 1;
    at.bytes = line.end;
    at.hash = line.hash;
    if (line.length === 0) continue;
    takeLine(line, at.lines, { source, now, batch, imported });
    batch.bytes += line.bytes.length;
    if (batch.events.length + batch.rejected.length >= BATCH_LINES || batch.bytes >= BATCH_BYTES)
      await flush();
  }
  await flush();
  return imported;
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

function takeLine(
  line: Line,
  number: number,
  { source, now, batch, imported }: { source: string; now: string; batch: Batch; imported: Imported },
): void {
  const isCut = line.length > line.bytes.length;
  const found: NewEvent | BadLine = isCut ? { reason: 'too_large' } : interpretLine(line.bytes, source, now);
  if ('event_id' in found) {
    batch.events.push(found);
    return;
  }
  const detail = `line ${number}: ${found.detail ?? REJECTIONS[found.reason].detail}`;
  imported.badCount += 1;
  if (imported.bad.length < BAD_LINES_NAMED)
    imported.bad.push({ line: number, reason: found.reason, detail });
  batch.rejected.push({
    source,
    reason: found.reason,
    detail,
    delivery_id: null,
    headers: '{}',
    body: line.bytes,
    body_length: line.length,
  });
}

// Nothing is done between the append and the commit that could be done before: whoever else appends waits for it. If
// this process is suspended there all the same, Postgres takes the batch back (append_events says when).
async function commit(
  client: pg.ClientBase,
  source: string,
  at: Start,
  batch: Batch,
  imported: Imported,
): Promise<void> {
  const progress = { id: at.id, bytes: at.bytes, lines: at.lines, digest: at.hash.copy().digest() };
  try {
    await client.query('BEGIN');
    if (batch.rejected.length > 0) await keepRejected(client, batch.rejected);
    at.id = await saveImport(client, source, progress);
    const appended = await appendAll(client, batch.events, imported);
    await client.query('COMMIT');
    imported.appended += appended;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    const { message } = error as Error;
    throw new Error(
      `the lines up to ${at.lines} could not be appended: ${message}. ` +
        'Import the file again: it goes on where it was, and no line is lost or doubled.',
      { cause: error },
    );
  }
}

// What the database refuses is set apart from its neighbours, as the door does it.
async function appendAll(client: pg.ClientBase, events: NewEvent[], imported: Imported): Promise<number> {
  if (events.length === 0) return 0;
  await client.query('SAVEPOINT batch');
  try {
    const answers = await appendEvents(client, events);
    imported.lastPosition = answers.at(-1)!.position;
    return answers.length;
  } catch (error) {
    if (!isRefusedEvent(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT batch');
    if (events.length === 1) {
      await keepRejected(client, [refused(events[0]!)]);
      imported.badCount += 1;
      return 0;
    }
    const middle = events.length >> 1;
    const appended = await appendAll(client, events.slice(0, middle), imported);
    return appended + (await appendAll(client, events.slice(middle), imported));
  }
}

function refused({ source, body }: NewEvent): NewRejected {
  const reason = 'refused_by_database';
  const { detail } = REJECTIONS[reason];
  return { source, reason, detail, delivery_id: null, headers: '{}', body, body_length: body.length };
}
