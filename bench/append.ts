// append: the log's protocol (lock, numbers, digests, seal) beside COPY, which does nothing but store.
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { appendEvents } from '../src/log/append-events.js';
import type { Bench, BenchContext, BenchDatabase } from './bench.js';
import { createWebhooks, meanBytes } from './bodies.js';
import { copyRows, encodeRows, type LogRow } from './copy-rows.js';
import { inGroups } from './groups.js';
import { type Contestant, checkpoint, inTurn, rateOf, ratioOf, resultOf } from './in-turn.js';

const GROUP = 500;

export const append: Bench = {
  name: 'append',
  about: 'append_events in groups of 500 beside COPY into the same table',
  async run(context) {
    const { options, say } = context;
    const count = options.events ?? 50_000;
    const events = createWebhooks(options.bodyBytes).takeEvents(count);
    const contestants = [
      await ours(context, events, 'append_events'),
      await ours(context, events, WITHOUT_INDEX, 'event_log_resource'),
      await copy(context, events),
      await encoded(context, events),
    ];
    const lines = await inTurn(contestants, options.rounds ?? 5, say);
    const [append, unindexed, copied, stored] = contestants.map(({ name }) => name) as string[];
    const about = `${count} events of ${meanBytes(events)} bytes a turn, in groups of ${GROUP}, one connection`;
    const ratios = [
      ratioOf(lines, append!, copied!, { atLeast: 0.8 }),
      ratioOf(lines, append!, stored!, undefined),
      ratioOf(lines, append!, unindexed!, { atLeast: 0.9 }),
    ];
    return [resultOf('append', about, lines, ratios, NOTES)];
  },
};

const WITHOUT_INDEX = 'append_events, no resource index';

const NOTES = [
  'COPY: binary form, a commit each 500, a table with the same indexes, digests computed beforehand, no seal',
  'encoded: the bytes of every COPY were made before the turn, so Node does nothing: what the server can store',
];

async function contestant(
  { createDatabase, atEnd }: BenchContext,
  name: string,
  run: (client: pg.PoolClient, database: BenchDatabase) => Promise<number>,
  without = '',
): Promise<Contestant> {
  const database = await createDatabase();
  if (without !== '') await database.pool.query(`DROP INDEX ${without}`);
  const client = await database.pool.connect();
  atEnd(() => client.release());
  return { name, prepare: () => checkpoint(database.pool), run: () => run(client, database) };
}

function ours(
  context: BenchContext,
  events: Parameters<typeof appendEvents>[1],
  name: string,
  without?: string,
): Promise<Contestant> {
  const groups = inGroups(events, GROUP);
  const append = (client: pg.PoolClient) =>
    rateOf(events.length, async () => {
      for (const group of groups) await appendEvents(client, group, { prepared: true });
    });
  return contestant(context, name, append, without);
}

const asRows = (events: readonly LogRow['event'][]): LogRow[] =>
  events.map((event) => ({ event, digest: randomBytes(32) }));

function copy(context: BenchContext, events: readonly LogRow['event'][]): Promise<Contestant> {
  const groups = inGroups(asRows(events), GROUP);
  let position = 1;
  return contestant(context, 'COPY', (client) =>
    rateOf(events.length, async () => {
      for (const group of groups) {
        await copyRows(client, encodeRows(group, position));
        position += group.length;
      }
    }),
  );
}

function encoded(context: BenchContext, events: readonly LogRow['event'][]): Promise<Contestant> {
  const groups = inGroups(asRows(events), GROUP);
  let position = 1;
  return contestant(context, 'COPY encoded', async (client) => {
    const texts = groups.map((group) => {
      const text = encodeRows(group, position);
      position += group.length;
      return text;
    });
    return rateOf(events.length, async () => {
      for (const text of texts) await copyRows(client, text);
    });
  });
}
