// ingest: HTTP to a committed 202, beside a route that answers at once and the obvious handler.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { connect } from 'nats';
import type { Bench, BenchContext, BenchDatabase } from './bench.js';
import { createWebhooks } from './bodies.js';
import { OBVIOUS_STREAM, OBVIOUS_TABLE, type PeerAnswer, type PeerOrder } from './door-peer.js';
import { fullLoad, loadGenerator } from './http-load.js';
import { type Contestant, checkpoint, inTurn, ratioOf, resultOf } from './in-turn.js';
import type { LoadAnswer } from './load-once.js';
import { createSource, startRole } from './role.js';

export const CONNECTIONS = 128;
const SECONDS = 5;
const DISTINCT_BODIES = 5000;
const NAMES = { ours: 'ingest', floor: 'answers at once', obvious: 'INSERT, then await js.publish' };

export const ingest: Bench = {
  name: 'ingest',
  about: 'HTTP to committed 202 beside a route that answers at once and the obvious handler',
  async run(context) {
    const { options, say } = context;
    const seconds = options.seconds ?? SECONDS;
    const database = await context.createDatabase();
    const bodies = createWebhooks(options.bodyBytes).take(DISTINCT_BODIES);
    const answers: LoadAnswer[] = [];
    const path = await createSource(database);
    const { url } = await startRole(context, 'ingest', database);
    await prepareObvious(context, database);
    const load = (name: string, base: string): Contestant => ({
      name,
      unit: 'requests/s',
      prepare: () => checkpoint(database.pool),
      async run() {
        const order = { url: base + path, bodies, connections: CONNECTIONS, seconds };
        const answer = await fullLoad(order);
        if (answer.failed > 0) throw new Error(`${name}: ${answer.failed} requests without a 2xx`);
        answers.push(answer);
        return answer.requests / answer.seconds;
      },
    });
    const contestants = [
      load(NAMES.ours, url),
      load(NAMES.floor, await startPeer(context, 'floor', database)),
      load(NAMES.obvious, await startPeer(context, 'obvious', database)),
    ];
    const lines = await inTurn(contestants, options.rounds ?? 3, say);
    const about = `${seconds} s a turn, ${CONNECTIONS} connections, ${DISTINCT_BODIES} distinct bodies`;
    const ratios = [
      ratioOf(lines, NAMES.ours, NAMES.floor, { atLeast: 0.7 }),
      ratioOf(lines, NAMES.ours, NAMES.obvious, { atLeast: 6 }),
    ];
    return [resultOf('ingest', about, lines, ratios, [costOf(answers), 'ingest relays to NATS meanwhile'])];
  },
};

/** What the load generator took of the processor. */
export function costOf(answers: readonly LoadAnswer[]): string {
  const cores = answers.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds);
  const mean = cores.reduce((sum, value) => sum + value, 0) / cores.length;
  return `load: ${loadGenerator()}, which took ${mean.toFixed(2)} of a core`;
}

async function prepareObvious({ natsUrl, atEnd }: BenchContext, { pool }: BenchDatabase): Promise<void> {
  await pool.query(
    `CREATE TABLE ${OBVIOUS_TABLE} (id bigserial PRIMARY KEY, received_at timestamptz DEFAULT now(), body jsonb)`,
  );
  const connection = await connect({ servers: await natsUrl() });
  const manager = await connection.jetstreamManager({ checkAPI: false });
  await manager.streams.add({ name: OBVIOUS_STREAM, subjects: [`${OBVIOUS_STREAM}.>`] });
  atEnd(async () => {
    await manager.streams.delete(OBVIOUS_STREAM);
    await connection.close();
  });
}

async function startPeer(
  { natsUrl, atEnd }: BenchContext,
  kind: PeerOrder['kind'],
  { url: databaseUrl }: BenchDatabase,
): Promise<string> {
  const child = fork(fileURLToPath(new URL('door-peer.js', import.meta.url)));
  atEnd(() => child.disconnect());
  const order: PeerOrder = { kind, databaseUrl, natsUrl: await natsUrl() };
  child.send(order);
  const answer = await new Promise<PeerAnswer>((resolve, reject) => {
    child.once('message', (message) => resolve(message as PeerAnswer));
    child.once('exit', (code) => reject(new Error(`door-peer ended with ${code}`)));
  });
  return answer.url;
}
