// latency: the 202 at a quarter, half and full load, and at half load while the rest of the machine is up to something.

import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Bench, BenchContext, BenchDatabase, BenchResult, Line } from './bench.js';
import { createWebhooks } from './bodies.js';
import { runChild } from './child.js';
import { CONNECTIONS, costOf, rateOfAnswered } from './door-load.js';
import { fillLog } from './fill-log.js';
import { fullLoad, pacedLoad } from './http-load.js';
import { resultOf } from './in-turn.js';
import { untilFollowed } from './lag.js';
import type { LoadAnswer } from './load-once.js';
import type { RebuildAnswer, RebuildOrder } from './rebuild-once.js';
import { createSource, startRole } from './role.js';

const SECONDS = 8;
const LOG_BEFORE = 20_000;
/** Between two checkpoints. */
const REST_MS = 1000;
/** So long the bus is down, then up. */
const ABSENCE_MS = 2000;

interface Situation {
  name: string;
  /** Of full load. */
  share: number;
  /** What goes on meanwhile, again and again until the load ends. */
  meanwhile?(): Promise<unknown>;
}

interface Answer {
  name: string;
  load: LoadAnswer;
  /** How often it went on meanwhile. */
  times: number;
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
    const order = { url, bodies, connections: CONNECTIONS, seconds };
    await fullLoad(order); // Warms up.
    await untilFollowed(database.pool);
    const full = await fullLoad(order);
    const fullRate = rateOfAnswered('full load', full);
    say(`full load: ${Math.round(fullRate)} a second`);
    const answers: Answer[] = [{ name: 'full load', load: full, times: 0 }];
    for (let round = 0; round < (options.rounds ?? 1); round++)
      for (const { name, share, meanwhile } of situations(context, database)) {
        await untilFollowed(database.pool);
        const rate = Math.max(1, Math.round(fullRate * share));
        const load = pacedLoad({ ...order, rate });
        await load.begun;
        const times = meanwhile ? await againUntil(load.answer, meanwhile) : 0;
        const answer = await load.answer;
        say(`${name}: ${answer.p50.toFixed(1)} / ${answer.p99.toFixed(1)} / ${answer.max.toFixed(0)} ms`);
        answers.push({ name, load: answer, times });
      }
    return [report(fullRate, seconds, answers)];
  },
};

/** Does it again and again until the load has ended. Answers how often it was begun. */
async function againUntil(loading: Promise<unknown>, work: () => Promise<unknown>): Promise<number> {
  let isOver = false;
  loading.finally(() => (isOver = true)).catch(() => {}); // It is told when the load is waited for.
  let times = 0;
  for (; !isOver; times++) await work();
  return times;
}

function report(fullRate: number, seconds: number, answers: readonly Answer[]): BenchResult {
  const names = [...new Set(answers.map(({ name }) => name))];
  const lines = names.flatMap((name) => {
    const loads = answers.filter((answer) => answer.name === name).map(({ load }) => load);
    return (['p50', 'p99', 'max'] as const).map(
      (which): Line => ({ name: `${name}, ${which}`, unit: 'ms', values: loads.map((load) => load[which]) }),
    );
  });
  const failed = answers.reduce((sum, { load }) => sum + load.failed, 0);
  const about = `${seconds} s each, full load ${Math.round(fullRate)} requests a second with ${CONNECTIONS} connections`;
  const meanwhile = answers.filter(({ times }) => times > 0).map(({ name, times }) => `${name} ${times}`);
  const notes = [
    'a latency counts from when the request was due, not from when it was sent (full load: from when it was sent)',
    `from begin to end of a load, times begun: ${meanwhile.join(', ')}`,
    `${failed} requests without a 2xx`,
    costOf(answers.map(({ load }) => load)),
  ];
  return resultOf('latency', about, lines, [], notes);
}

function situations(context: BenchContext, { url, pool }: BenchDatabase): Situation[] {
  const order: RebuildOrder = { databaseUrl: url };
  return [
    { name: 'a quarter of it', share: 0.25 },
    { name: 'half of it', share: 0.5 },
    {
      name: 'half, during a rebuild',
      share: 0.5,
      async meanwhile() {
        const { drifted } = await runChild<RebuildOrder, RebuildAnswer>('rebuild-once.js', order);
        if (drifted.length > 0)
          throw new Error(`a rebuild differs from the live rows: ${drifted.join(', ')}`);
      },
    },
    { name: 'half, during checkpoints', share: 0.5, meanwhile: () => checkpointAndRest(pool) },
    { name: 'half, bus down and coming back', share: 0.5, meanwhile: () => interruptBus(context) },
  ];
}

async function checkpointAndRest(pool: pg.Pool): Promise<void> {
  await pool.query('CHECKPOINT');
  await delay(REST_MS);
}

async function interruptBus({ natsServer, say }: BenchContext): Promise<void> {
  const server = await natsServer();
  if (!server) {
    say('the nats-server is not ours: it is not interrupted');
    return delay(REST_MS);
  }
  await server.stop();
  await delay(ABSENCE_MS);
  await server.start();
  await delay(ABSENCE_MS);
}
