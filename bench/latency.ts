// latency: the 202 at a quarter, half and full load, and at half load while the rest of the machine is up to something.

import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Bench, BenchContext, BenchDatabase, BenchResult, Line } from './bench.js';
import { createWebhooks } from './bodies.js';
import { runChild } from './child.js';
import { CONNECTIONS, costOf } from './door-load.js';
import { fillLog } from './fill-log.js';
import { fullLoad, pacedLoad } from './http-load.js';
import { resultOf } from './in-turn.js';
import type { LoadAnswer } from './load-once.js';
import type { RebuildAnswer, RebuildOrder } from './rebuild-once.js';
import { createSource, startRole } from './role.js';
import { untilFollowed } from './until-followed.js';

const SECONDS = 8;
const LOG_BEFORE = 20_000;

interface Situation {
  name: string;
  load: number;
  meanwhile?(): Promise<unknown>;
}

export const latency: Bench = {
  name: 'latency',
  about:
    'p50, p99 and max of the 202 at three loads, and during a rebuild, a checkpoint, an absence of the bus',
  async run(context) {
    const { options, say } = context;
    const seconds = options.seconds ?? SECONDS;
    const database = await context.createDatabase();
    await fillLog(database.pool, options.events ?? LOG_BEFORE, options.bodyBytes);
    const path = await createSource(database);
    const roles = ['ingest', 'projector'] as const;
    const [door] = await Promise.all(roles.map((role) => startRole(context, role, database)));
    const url = door!.url + path;
    await untilFollowed(database.pool);
    const bodies = createWebhooks(options.bodyBytes).take(5000);
    const full = await fullLoad({ url, bodies, connections: CONNECTIONS, seconds });
    const fullRate = full.requests / full.seconds;
    say(`full load: ${Math.round(fullRate)} a second`);
    const answers: [string, LoadAnswer][] = [['full load', full]];
    for (const { name, load, meanwhile } of situations(context, database)) {
      const rate = Math.max(1, Math.round(fullRate * load));
      const loading = pacedLoad({ url, bodies, connections: CONNECTIONS, seconds, rate });
      await delay(500);
      await meanwhile?.();
      const answer = await loading;
      say(`${name}: ${answer.p50.toFixed(1)} / ${answer.p99.toFixed(1)} / ${answer.max.toFixed(0)} ms`);
      answers.push([name, answer]);
    }
    return [report(fullRate, answers)];
  },
};

function report(fullRate: number, answers: [string, LoadAnswer][]): BenchResult {
  const lines = answers.flatMap(([name, { p50, p99, max }]): Line[] => [
    { name: `${name}, p50`, unit: 'ms', values: [p50] },
    { name: `${name}, p99`, unit: 'ms', values: [p99] },
    { name: `${name}, max`, unit: 'ms', values: [max] },
  ]);
  const failed = answers.reduce((sum, [, answer]) => sum + answer.failed, 0);
  const about = `full load ${Math.round(fullRate)} requests a second with ${CONNECTIONS} connections`;
  const notes = [
    'a latency counts from when the request was due, not from when it was sent (full load: from when it was sent)',
    `${failed} requests without a 2xx`,
    costOf(answers.map(([, answer]) => answer)),
  ];
  return resultOf('latency', about, lines, [], notes);
}

function situations(context: BenchContext, { url, pool }: BenchDatabase): Situation[] {
  const order: RebuildOrder = { databaseUrl: url };
  return [
    { name: 'a quarter of it', load: 0.25 },
    { name: 'half of it', load: 0.5 },
    {
      name: 'half, during a rebuild',
      load: 0.5,
      meanwhile: () => runChild<RebuildOrder, RebuildAnswer>('rebuild-once.js', order),
    },
    { name: 'half, during checkpoints', load: 0.5, meanwhile: () => checkpoints(pool) },
    { name: 'half, bus down and coming back', load: 0.5, meanwhile: () => interruptBus(context) },
  ];
}

async function checkpoints(pool: pg.Pool): Promise<void> {
  for (let count = 0; count < 3; count++) {
    await pool.query('CHECKPOINT');
    await delay(1000);
  }
}

async function interruptBus({ natsServer, say }: BenchContext): Promise<void> {
  const server = await natsServer();
  if (!server) return say('the nats-server is not ours: it is not interrupted');
  await server.stop();
  await delay(3000);
  await server.start();
}
