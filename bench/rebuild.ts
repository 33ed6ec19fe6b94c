// rebuild: all read models in one pass, beside a bare read of the same rows, a fold in SQL, and Emmett.
import { createProjectorService } from '../src/projector/service.js';
import type { Bench, BenchContext, BenchDatabase } from './bench.js';
import { createWebhooks } from './bodies.js';
import { runChild } from './child.js';
import { ensureEmmett, runEmmett } from './emmett.js';
import { fillLog } from './fill-log.js';
import { type Contestant, checkpoint, inTurn, ratioOf, resultOf } from './in-turn.js';
import { quiet } from './quiet.js';
import type { ReadAnswer, ReadOrder } from './read-once.js';
import type { RebuildAnswer, RebuildOrder } from './rebuild-once.js';
import { foldInSql } from './sql-fold.js';

/** Emmett takes so long that it gets a share of the events: 50,000 of a million. */
const EMMETT_SHARE = 20;
const NAMES = {
  load: 'rebuild, load of six models',
  whole: 'rebuild with indexes, comparison and swap',
  read: 'bare read, page after page',
  ahead: 'bare read, a page ahead',
  sql: 'resource model folded in SQL',
  emmett: 'Emmett, resource model',
  memory: 'memory of the rebuild',
};

export const rebuild: Bench = {
  name: 'rebuild',
  about: 'all read models in one pass beside a bare read, a fold in SQL and Emmett',
  async run(context) {
    const { options, say } = context;
    await ensureEmmett(say);
    const count = options.events ?? 100_000;
    const log = await context.createDatabase();
    say(`filling a log with ${count} events, and the live read models`);
    await fillLog(log.pool, count, options.bodyBytes);
    await followToHead(log);
    const answers: RebuildAnswer[] = [];
    const contestants = [
      ours(log, count, answers),
      read(log, count, false),
      read(log, count, true),
      sql(log, count),
      await emmett(context, Math.ceil(count / EMMETT_SHARE)),
    ];
    const lines = await inTurn(contestants, options.rounds ?? 2, say);
    const valuesOf = (value: (answer: RebuildAnswer) => number) => answers.slice(1).map(value);
    lines.splice(1, 0, {
      name: NAMES.whole,
      unit: 'events/s',
      values: valuesOf(({ seconds }) => count / seconds),
    });
    lines.push({ name: NAMES.memory, unit: 'MB', values: valuesOf(({ memoryMb }) => memoryMb) });
    const about = `${count} events (Emmett: ${Math.ceil(count / EMMETT_SHARE)}), one worker, a process of its own`;
    const ratios = [
      ratioOf(lines, NAMES.load, NAMES.read, { atLeast: 0.7 }),
      ratioOf(lines, NAMES.load, NAMES.ahead, undefined),
      ratioOf(lines, NAMES.whole, NAMES.read, undefined),
      ratioOf(lines, NAMES.load, NAMES.sql, undefined),
      ratioOf(lines, NAMES.whole, NAMES.emmett, { atLeast: 100 }),
      {
        name: `${NAMES.memory} / 512 MB`,
        aim: { atMost: 1 },
        values: valuesOf(({ memoryMb }) => memoryMb / 512),
      },
    ];
    const drifted = [...new Set(answers.flatMap((answer) => answer.drifted))];
    const notes = [
      drifted.length === 0 ? 'every rebuild equalled the live rows' : `DRIFT: ${drifted.join(', ')}`,
    ];
    return [resultOf('rebuild', about, lines, ratios, notes)];
  },
};

async function followToHead({ url }: BenchDatabase): Promise<void> {
  const service = createProjectorService({
    configuration: { PROJECTOR_PORT: 0, HOST: '127.0.0.1' } as never,
    databaseUrl: url,
    readDatabaseUrl: url,
    natsUrl: undefined,
    logger: quiet,
  });
  await service.start();
  await service.untilHead();
  await service.stop();
}

function ours({ url, pool }: BenchDatabase, count: number, answers: RebuildAnswer[]): Contestant {
  return {
    name: NAMES.load,
    prepare: () => checkpoint(pool),
    async run() {
      const answer = await runChild<RebuildOrder, RebuildAnswer>('rebuild-once.js', { databaseUrl: url });
      answers.push(answer);
      return count / answer.loadSeconds;
    },
  };
}

function read({ url, pool }: BenchDatabase, events: number, ahead: boolean): Contestant {
  return {
    name: ahead ? NAMES.ahead : NAMES.read,
    prepare: () => checkpoint(pool),
    async run() {
      const { seconds } = await runChild<ReadOrder, ReadAnswer>('read-once.js', {
        databaseUrl: url,
        events,
        ahead,
      });
      return events / seconds;
    },
  };
}

function sql({ pool }: BenchDatabase, count: number): Contestant {
  return {
    name: NAMES.sql,
    prepare: () => checkpoint(pool),
    run: async () => count / (await foldInSql(pool)),
  };
}

async function emmett(context: BenchContext, count: number): Promise<Contestant> {
  const bodies = createWebhooks(context.options.bodyBytes).take(count);
  let database: BenchDatabase;
  return {
    name: NAMES.emmett,
    cold: true,
    async prepare() {
      database = await context.createDatabase();
    },
    async run() {
      const { url, pool } = database;
      const { seconds } = await runEmmett<{ seconds: number }>('rebuild.mjs', { url, bodies });
      const { rows } = await pool.query('SELECT count(*)::int AS built FROM resource_v1');
      if (rows[0].built === 0) throw new Error('Emmett built no document');
      return count / seconds;
    },
  };
}
