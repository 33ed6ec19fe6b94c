// A batch of lines, what was wrong with some of them, and how far the file is done: one transaction.
import type pg from 'pg';
import { appendEvents, isRefusedEvent } from '../../log/append-events.js';
import { saveImport } from '../../log/import-progress.js';
import type { NewEvent } from '../../log/new-event.js';
import { keepRejected, type NewRejected } from '../../log/rejected.js';
import { inTransaction } from '../../postgres/transaction.js';
import type { Start } from './find-progress.js';
import { type ImportLease, prolongImportLease } from './import-lease.js';
import { rejectLine } from './reject-line.js';

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

/** An event, and the number of its line. */
export interface NumberedEvent {
  line: number;
  event: NewEvent;
}

export interface Batch {
  /** The time of lines that have none. */
  now: string;
  events: NumberedEvent[];
  rejected: NewRejected[];
  bytes: number;
}

/**
 * Appends a batch and notes how far the file is done, `at`. Nothing is done between the append and the commit that could
 * be done before: whoever else appends waits for it. If this process is suspended within the transaction all the same,
 * Postgres takes the batch back.
 */
export async function commitBatch(
  pool: pg.Pool,
  lease: ImportLease,
  at: Start,
  batch: Batch,
  imported: Imported,
): Promise<void> {
  const progress = { id: at.id, bytes: at.bytes, lines: at.lines, digest: at.hash.copy().digest() };
  try {
    const { epoch, appended } = await inTransaction(pool, async (client) => {
      await client.query("SET LOCAL idle_in_transaction_session_timeout = '5s'");
      const epoch = await prolongImportLease(client, lease);
      if (batch.rejected.length > 0) await keepRejected(client, batch.rejected);
      at.id = await saveImport(client, lease.source, progress);
      return { epoch, appended: await appendAll(client, batch.events, imported) };
    });
    lease.epoch = epoch;
    imported.appended += appended;
  } catch (error) {
    const { message } = error as Error;
    throw new Error(
      `the lines up to ${at.lines} could not be appended: ${message}. ` +
        'Import the file again: it goes on where it was, and no line is lost or doubled.',
      { cause: error },
    );
  }
}

// What the database refuses is set apart from its neighbours, as the door does it.
async function appendAll(
  client: pg.ClientBase,
  events: NumberedEvent[],
  imported: Imported,
): Promise<number> {
  if (events.length === 0) return 0;
  await client.query('SAVEPOINT batch');
  try {
    const answers = await appendEvents(
      client,
      events.map(({ event }) => event),
    );
    imported.lastPosition = answers.at(-1)!.position;
    return answers.length;
  } catch (error) {
    if (!isRefusedEvent(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT batch');
    if (events.length === 1) {
      const { line, event } = events[0]!;
      const kept = { source: event.source, body: event.body, length: event.body.length };
      await keepRejected(client, [rejectLine(imported, line, { reason: 'refused_by_database' }, kept)]);
      return 0;
    }
    const middle = events.length >> 1;
    const appended = await appendAll(client, events.slice(0, middle), imported);
    return appended + (await appendAll(client, events.slice(middle), imported));
  }
}
