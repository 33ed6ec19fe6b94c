// append-peer: one event a call from 50 callers, as a door has them: group commit, Emmett, and plain INSERTs.
import type pg from 'pg';
import { createAppender } from '../src/log/appender.js';
import type { NewEvent } from '../src/log/new-event.js';
import { createPool } from '../src/postgres/connect.js';
import type { Bench, BenchContext } from './bench.js';
import { createWebhooks, meanBytes } from './bodies.js';
import { ensureEmmett, runEmmett } from './emmett.js';
import { type Contestant, checkpoint, inTurn, rateOf, ratioOf, resultOf } from './in-turn.js';

const IN_FLIGHT = 50;
const POOL = 10;
/** Emmett takes so long that it gets a twentieth of the events: a rate is a rate. */
const EMMETT_SHARE = 20;

const NAMES = {
  ours: 'group commit',
  integration: 'Emmett, a stream an integration',
  resource: 'Emmett, a stream a resource',
  plain: 'INSERT and commit each',
};

export const appendPeer: Bench = {
  name: 'append-peer',
  about: 'one event a call, 50 in flight, beside Emmett and plain INSERTs',
  async run(context) {
    const { options, say } = context;
    await ensureEmmett(say);
    const count = options.events ?? 40_000;
    const events = createWebhooks(options.bodyBytes).takeEvents(count);
    const few = events.slice(0, Math.max(IN_FLIGHT, count / EMMETT_SHARE));
    const retries = { integration: [] as number[], resource: [] as number[] };
    const contestants = [
      await ours(context, events),
      await emmett(context, few, 'integration', retries.integration),
      await emmett(context, few, 'resource', retries.resource),
      await plain(context, events),
    ];
    const lines = await inTurn(contestants, options.rounds ?? 3, say);
    const about = `${count} events of ${meanBytes(events)} bytes a turn, ${IN_FLIGHT} calls in flight`;
    const ratios = [
      ratioOf(lines, NAMES.ours, NAMES.integration, { atLeast: 10 }),
      ratioOf(lines, NAMES.ours, NAMES.resource, undefined),
      ratioOf(lines, NAMES.ours, NAMES.plain, { atLeast: 3 }),
    ];
    const notes = [
      `Emmett: ${few.length} of the events; conflicts tried again, times a turn: ${retries.integration.join(', ')}; ${retries.resource.join(', ')}`,
      `INSERT: a table with the same columns and indexes, numbered by an identity column, pool of ${POOL}, no digest`,
    ];
    return [resultOf('append-peer', about, lines, ratios, notes)];
  },
};

/** Runs `call` for each event, so many at once. */
async function callAll(
  events: readonly NewEvent[],
  call: (event: NewEvent) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const caller = async () => {
    while (next < events.length) await call(events[next++]!);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
}

async function ours({ createDatabase }: BenchContext, events: readonly NewEvent[]): Promise<Contestant> {
  const { pool } = await createDatabase();
  const appender = createAppender({ pool });
  return {
    name: NAMES.ours,
    prepare: () => checkpoint(pool),
    run: () => rateOf(events.length, () => callAll(events, appender.append)),
  };
}

async function emmett(
  { createDatabase }: BenchContext,
  events: readonly NewEvent[],
  streamOf: 'integration' | 'resource',
  retries: number[],
): Promise<Contestant> {
  const { url, pool } = await createDatabase();
  const bodies = events.map(({ body }) => body.toString());
  return {
    name: NAMES[streamOf],
    prepare: () => checkpoint(pool),
    async run(round) {
      const order = { url, bodies, inFlight: IN_FLIGHT, streamOf };
      const answer = await runEmmett<{ seconds: number; retries: number }>('append.mjs', order);
      if (round >= 0) retries.push(answer.retries);
      return events.length / answer.seconds;
    },
  };
}

const INSERT = `INSERT INTO plain_log (event_id, received_at, source, workspace_id, customer_id, event, integration_id,
  resource_type, resource_id, state, headers, body, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '')`;

async function plain(
  { createDatabase, atEnd }: BenchContext,
  events: readonly NewEvent[],
): Promise<Contestant> {
  const { url, pool } = await createDatabase();
  await pool.query(`CREATE TABLE plain_log (LIKE event_log INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING COMPRESSION);
    ALTER TABLE plain_log ALTER COLUMN position ADD GENERATED ALWAYS AS IDENTITY`);
  const callers: pg.Pool = createPool(url, { max: POOL });
  atEnd(() => callers.end());
  const insert = (e: NewEvent) => {
    const columns = [
      e.event_id,
      e.received_at,
      e.source,
      e.workspace_id,
      e.customer_id,
      e.event,
      e.integration_id,
    ];
    const rest = [e.resource_type, e.resource_id, e.state, e.headers.toString(), e.body.toString()];
    return callers.query({ name: 'insert', text: INSERT, values: [...columns, ...rest] });
  };
  return {
    name: NAMES.plain,
    prepare: () => checkpoint(pool),
    run: () => rateOf(events.length, () => callAll(events, insert)),
  };
}
