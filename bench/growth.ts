// growth: append, project and page a list on a large log, and the same on one of 100,000 events.
import type pg from 'pg';
import { appendEvents } from '../src/log/append-events.js';
import type { NewEvent } from '../src/log/new-event.js';
import { createPool } from '../src/postgres/connect.js';
import { createProjectorService } from '../src/projector/service.js';
import type { Bench, BenchContext, BenchDatabase } from './bench.js';
import { createWebhooks, type Webhooks } from './bodies.js';
import { fillLog } from './fill-log.js';
import { inGroups } from './groups.js';
import { type Contestant, checkpoint, inTurn, rateOf, ratioOf, resultOf } from './in-turn.js';
import { multiplyLog } from './multiply-log.js';
import { quiet } from './quiet.js';
import { createKey, startRole } from './role.js';

const SMALL = 100_000;
const LARGE = 10_000_000;
const QUICK = 1_000_000;
/** Events that one turn appends or projects: less than a second of them, and what the machine does besides decides the ratio. */
const TURN_EVENTS = 50_000;
const GROUP = 500;
const PAGES = 50;

interface Log {
  database: BenchDatabase;
  size: number;
  /** What comes after those that fill it. */
  webhooks: Webhooks;
}

export const growth: Bench = {
  name: 'growth',
  long: true,
  about: `append, project and page a list at --events (${LARGE.toLocaleString('en')} takes long) and at 100,000`,
  async run(context) {
    const large = context.options.events ?? QUICK;
    const logs: Log[] = [];
    for (const size of [Math.min(SMALL, large / 4), large])
      logs.push({
        database: await fill(context, size),
        size,
        webhooks: createWebhooks(context.options.bodyBytes, 2),
      });
    const contestants = [
      ...logs.map((log) => append(context, log)),
      ...logs.map((log) => project(log)),
      ...(await Promise.all(logs.map((log) => pageList(context, log)))),
    ];
    const lines = await inTurn(contestants, context.options.rounds ?? 3, context.say);
    const [small, big] = logs.map(({ size }) => sizeText(size)) as [string, string];
    const ratios = ['append', 'project', 'page a list'].map((what) =>
      ratioOf(lines, `${what} at ${big}`, `${what} at ${small}`, { atLeast: 0.9 }),
    );
    const about = `logs of ${small} and ${big} events; a turn appends or projects ${TURN_EVENTS}; full size: --events ${LARGE}`;
    return [
      resultOf('growth', about, lines, ratios, ['the large log is the small one, multiplied by the server']),
    ];
  },
};

const sizeText = (size: number) => Math.round(size).toLocaleString('en');

async function fill({ createDatabase, options, say }: BenchContext, size: number): Promise<BenchDatabase> {
  const database = await createDatabase();
  const first = Math.min(size, 20_000);
  say(`making a log of ${sizeText(size)} events, and its read models`);
  await fillLog(database.pool, first, options.bodyBytes);
  await multiplyLog(database.pool, size);
  await projectToHead(database);
  // Else Postgres would do so by itself, beside some turns and not beside others.
  await database.pool.query('VACUUM (ANALYZE)');
  return database;
}

async function projectToHead({ url }: BenchDatabase): Promise<void> {
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

function append({ atEnd }: BenchContext, { database, size, webhooks }: Log): Contestant {
  const pool: pg.Pool = createPool(database.url, { max: 1 });
  atEnd(() => pool.end());
  let groups: NewEvent[][];
  return {
    name: `append at ${sizeText(size)}`,
    async prepare() {
      groups = inGroups(webhooks.takeEvents(TURN_EVENTS), GROUP);
      await checkpoint(pool);
    },
    run: () =>
      rateOf(TURN_EVENTS, async () => {
        for (const group of groups) await appendEvents(pool, group);
      }),
  };
}

// What the appends since its last turn added is folded before it.
function project({ database, size, webhooks }: Log): Contestant {
  return {
    name: `project at ${sizeText(size)}`,
    async prepare() {
      await projectToHead(database);
      for (const group of inGroups(webhooks.takeEvents(TURN_EVENTS), GROUP))
        await appendEvents(database.pool, group);
    },
    run: () => rateOf(TURN_EVENTS, () => projectToHead(database)),
  };
}

async function pageList(context: BenchContext, { database, size }: Log): Promise<Contestant> {
  const { url } = await startRole(context, 'query', database, { bus: false });
  const key = await createKey(database);
  const headers = { authorization: `Bearer ${key}` };
  return {
    name: `page a list at ${sizeText(size)}`,
    unit: 'pages/s',
    run: () =>
      rateOf(PAGES, async () => {
        let cursor = '';
        for (let page = 0; page < PAGES; page++) {
          const answer = await fetch(`${url}/v1/resources?limit=100${cursor}`, { headers });
          const { next_cursor } = (await answer.json()) as { next_cursor: string | null };
          cursor = next_cursor ? `&cursor=${encodeURIComponent(next_cursor)}` : '';
        }
      }),
  };
}
