// ingest: HTTP to a committed 202, beside a route that answers at once and the obvious handler.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { connect } from 'nats';
import type { Bench, BenchContext, BenchDatabase } from './bench.js';
import { untilRelayed } from './bus.js';
import { createDoorLoad } from './door-load.js';
import { OBVIOUS_STREAM, OBVIOUS_TABLE, type PeerAnswer, type PeerOrder } from './door-peer.js';
import { inTurn, ratioOf, resultOf } from './in-turn.js';
import { createSource, startRole } from './role.js';

const NAMES = { ours: 'ingest', floor: 'answers at once', obvious: 'INSERT, then await js.publish' };

export const ingest: Bench = {
  name: 'ingest',
  about: 'HTTP to committed 202 beside a route that answers at once and the obvious handler',
  async run(context) {
    const { options, say } = context;
    const database = await context.createDatabase();
    const path = await createSource(database);
    const { url } = await startRole(context, 'ingest', database);
    await prepareObvious(context, database);
    const load = createDoorLoad(options, database);
    const natsUrl = await context.natsUrl();
    const behind: number[] = [];
    // So that no other's turn pays for what the relay still has to do.
    const clear = async () => void behind.push(await untilRelayed(natsUrl, database.pool));
    const contestants = [
      { ...load.contestant(NAMES.ours, url + path), clear },
      load.contestant(NAMES.floor, (await startPeer(context, 'floor', database)) + path),
      load.contestant(NAMES.obvious, (await startPeer(context, 'obvious', database)) + path),
    ];
    const lines = await inTurn(contestants, options.rounds ?? 3, say);
    const ratios = [
      ratioOf(lines, NAMES.ours, NAMES.floor, { atLeast: 0.7 }),
      ratioOf(lines, NAMES.ours, NAMES.obvious, { atLeast: 6 }),
    ];
    const notes = [
      load.cost(),
      `ingest relays to NATS meanwhile: at the end of a turn at most ${Math.max(...behind)} events were not on the stream`,
    ];
    return [resultOf('ingest', load.about, lines, ratios, notes)];
  },
};

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
