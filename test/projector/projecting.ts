// A log to fold, projectors that end with their test, and the one question of all: are the rows what the fold gives?
import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import pino from 'pino';
import type { Test } from 'tap';
import type { AnyRow, Projection } from '../../projections/contract.js';
import { foldEvents, keyId, keyOfRow } from '../../projections/fold.js';
import { PROJECTIONS } from '../../projections/index.js';
import type { Configuration } from '../../schemas/configuration.js';
import type { Envelope } from '../../schemas/envelope.js';
import { appendEvents } from '../../src/log/append-events.js';
import { createEvent } from '../../src/log/new-event.js';
import { readAfter, readAt, readHead } from '../../src/log/read-log.js';
import { TEXT_TYPES } from '../../src/postgres/connect.js';
import { listParked, type ParkedEvent } from '../../src/projector/parked.js';
import type { ProjectorOptions } from '../../src/projector/projector.js';
import { createPageReader } from '../../src/projector/read-page.js';
import { createRoster } from '../../src/projector/roster.js';
import { createRunReader, type RunReader } from '../../src/projector/run-reader.js';
import { createProjectorService, type ProjectorServiceOptions } from '../../src/projector/service.js';
import { findBuild, tableOf } from '../../src/read-models/build.js';
import { columnsOf, rowFromTexts, selected } from '../../src/read-models/columns.js';
import { findMismatches } from '../../src/read-models/same-log.js';
import { fixtureEvents } from '../support/logged-events.js';
import type { TestDatabase } from '../support/test-database.js';

export const BODIES = fixtureEvents().map(({ body }) => body);

/** Appends bodies in commits of 500; answers the head. */
export async function appendBodies(pool: pg.Pool, bodies: readonly string[]): Promise<number> {
  let head = 0;
  for (let at = 0; at < bodies.length; at += 500) {
    const receipt = { source: 'test', received_at: new Date().toISOString() };
    const events = bodies
      .slice(at, at + 500)
      .map((body) => createEvent(JSON.parse(body) as Envelope, Buffer.from(body), receipt));
    head = (await appendEvents(pool, events)).at(-1)!.position;
  }
  return head;
}

const configuration = { PROJECTOR_PORT: 0, HOST: '127.0.0.1' } as Configuration;

/** A projector service on the database, running; it is stopped with the test. */
export async function startProjector(
  t: Pick<Test, 'teardown'>,
  { url }: Pick<TestDatabase, 'url'>,
  options: Partial<ProjectorServiceOptions> = {},
) {
  const service = createProjectorService({
    configuration,
    databaseUrl: url,
    readDatabaseUrl: url,
    natsUrl: undefined,
    logger: pino({ level: process.env.LOG_LEVEL ?? 'silent' }),
    ...options,
  });
  t.teardown(() => service.stop());
  await service.start();
  return service;
}

/**
 * What a projector is made of, so that a test can count what is asked of a part, or put another log in the place of the
 * one there was. It looks for events all the time.
 */
export function partsOf(
  { pool }: Pick<TestDatabase, 'pool'>,
  { logPool = () => pool, pageEvents = 1000 } = {},
): ProjectorOptions {
  const leaseTtlMs = 6000;
  const logger = pino({ level: process.env.LOG_LEVEL ?? 'silent' });
  const readRun: RunReader = (...order) => createRunReader(logPool())(...order);
  const folding = { projections: PROJECTIONS, leaseTtlMs, generationBytes: 1e6, logger };
  return {
    roster: createRoster({ pool, logPool: pool, ...folding }),
    readPage: createPageReader({ readRun, pageEvents, pageBytes: 1e6 }),
    readPool: pool,
    readHead: () => readHead(logPool()),
    hasEvent: async (position) => (await readAt(logPool(), position)) !== undefined,
    findMismatches: (checkpoints) => findMismatches(logPool(), checkpoints),
    logger,
    leaseTtlMs,
    pollMs: () => 1,
  };
}

/** Folds all there is with a projector of its own. */
export async function foldToHead(database: TestDatabase, options: Partial<ProjectorServiceOptions> = {}) {
  const service = await startProjector({ teardown: () => {} }, database, options);
  await service.untilHead();
  await service.stop();
}

/** The rows of a projection's live table, internal columns included, by key id. */
export async function readRows(pool: pg.Pool, projection: Projection): Promise<Map<string, AnyRow>> {
  const build = await findBuild(pool, projection, 'live');
  const columns = columnsOf(projection);
  const { rows } = await pool.query({
    text: `SELECT ${columns.map((column) => selected(column)).join(', ')} FROM ${tableOf(build!)}`,
    rowMode: 'array',
    types: TEXT_TYPES,
  });
  const all = (rows as (string | null)[][]).map((texts) => rowFromTexts(columns, texts));
  return new Map(all.map((row) => [keyId(keyOfRow(projection, row)), row]));
}

/** Asserts that the rows of all projections are what one fold over the whole log gives. */
export async function assertFolded(
  t: Pick<Test, 'same'>,
  pool: pg.Pool,
  projections: readonly Projection[] = PROJECTIONS,
): Promise<void> {
  const events = await readAfter(pool, 0, 1_000_000);
  for (const projection of projections) {
    const want = foldEvents(projection, events).rows;
    const got = await readRows(pool, projection);
    const wrong = [...new Set([...want.keys(), ...got.keys()])]
      .filter((id) => !isDeepStrictEqual({ ...want.get(id) }, { ...got.get(id) }))
      .map((id) => ({ want: want.get(id), got: got.get(id) }));
    t.same(wrong.slice(0, 2), [], `${projection.name}: ${want.size} rows, ${wrong.length} of them wrong`);
  }
}

/** Where the last segment of a read model is. */
export async function positionOf({ pool }: TestDatabase, { name }: { name: string }): Promise<number> {
  const { rows } = await pool.query(
    `SELECT min(position) AS position FROM projector.checkpoint JOIN projector.build b USING (build_id)
     WHERE b.projection = $1 AND b.state = 'live'`,
    [name],
  );
  return rows[0].position;
}

/** What `listParked` lists. */
export async function parkedOf(...asked: Parameters<typeof listParked>): Promise<ParkedEvent[]> {
  const listed: ParkedEvent[] = [];
  for await (const event of listParked(...asked)) listed.push(event);
  return listed;
}

/** Whether read models have reached the head. */
export async function areAtHead(
  database: TestDatabase,
  projections: readonly Projection[],
): Promise<boolean> {
  const head = await readHead(database.pool);
  const positions = await Promise.all(projections.map((projection) => positionOf(database, projection)));
  return positions.every((position) => position === head);
}
