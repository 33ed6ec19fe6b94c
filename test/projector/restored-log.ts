// A log that was restored from an older backup, beside read models that are ahead of it.
import pino from 'pino';
import type { Test } from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { newEvent } from '../support/fill-log.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { appendBodies, BODIES, foldToHead, startProjector } from './projecting.js';

/** Events that the restored log has, and those that it has lost. */
export const KEPT = 80;
export const LOST = 20;

/** Read models that stand at 100 of a log, and another log that has its first 80 events and is to grow. */
export async function restore(t: Test) {
  const [old, log] = await Promise.all([createTestDatabase(t), createTestDatabase(t)]);
  const events = BODIES.slice(0, KEPT + LOST).map((body) => newEvent(body));
  await appendEvents(old.pool, events);
  await appendEvents(log.pool, events.slice(0, KEPT));
  await foldToHead(old);
  const lines: { level: number; err?: { message: string }; projections?: string[] }[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const env = { DATABASE_URL: log.url, READ_DATABASE_URL: old.url, LOG_LEVEL: 'warn' };
  return {
    old,
    log,
    events,
    logger,
    grow: () => appendBodies(log.pool, BODIES.slice(1000, 1050)),
    follow: (options = {}) => startProjector(t, log, { readDatabaseUrl: old.url, logger, ...options }),
    /** The errors that are told of this. */
    told: (pattern: RegExp) =>
      lines.filter(({ level, err }) => level === 50 && pattern.test(err?.message ?? '')),
    readiness: async () => {
      const [origin] = JSON.stringify(lines).match(/http:\/\/[\d.]+:\d+/)!;
      return (await fetch(`${origin}/readyz`)).json() as Promise<{ status: string; reason?: string }>;
    },
    pools: { logPool: log.pool, readPool: old.pool },
    run: (args: string, more = {}) => runProgram(t, args.split(' '), { ...env, ...more }).exit,
  };
}

/** Where the live builds stand. */
export const placesOf = async ({ pool }: TestDatabase) =>
  (
    await pool.query<{ name: string; position: number; event_id: string | null }>(
      `SELECT projection AS name, c.position, c.event_id
       FROM projector.checkpoint c JOIN projector.build USING (build_id) WHERE state = 'live'`,
    )
  ).rows;

/** That a read model stands at an event that the log does not have: it ends before it, or has another there. */
export const ends =
  /(\w+) was folded from another log, whose event 100 has the id (\S+); this log ends before it/;
export const differ =
  /(\w+) was folded from another log, whose event 100 has the id (\S+); this log has (\S+) there/;
