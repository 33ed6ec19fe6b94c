// growth: append, project and page a list on a large log, and the same on one of 100,000 events.
import type pg from 'pg';
import { appendEvents } from '../src/log/append-events.js';
import type { NewEvent } from '../src/log/new-event.js';
import { createPool } from '../src/postgres/connect.js';
import { createProjectorService, type ProjectorService } from '../src/projector/service.js';
import type { Bench, BenchContext, BenchDatabase } from './bench.js';
import { fillLog } from './fill-log.js';
import { inGroups } from './groups.js';
import { type Contestant, checkpoint, inTurn, rateOf, ratioOf, resultOf } from './in-turn.js';
import { multiplyLog } from './multiply-log.js';
import { quiet } from './quiet.js';
import { createKey, startRole } from './role.js';
import { createSequel, type Sequel } from './sequel.js';

const SMALL = 100_000;
/** Of each log, which is these and copies of them. */
const ORIGINAL = 20_000;
const LARGE = 10_000_000;
const QUICK = 1_000_000;
/** Events that one turn appends or projects: less than a second of them, and what the machine does besides decides the ratio. */
const TURN_EVENTS = 50_000;
const GROUP = 500;
const PAGES = 50;

interface Log {
  size: number;
  /** The events of the next turn. */
  next: Sequel;
  /** A log of that size for a turn, with read models at its head: the small one is made anew, or turns would make it large. */
  take(): Promise<BenchDatabase>;
}

export const growth: Bench = {
  name: 'growth',
  long: true,
  about: `append, project and page a list at --events (${LARGE.toLocaleString('en')} takes long) and at 100,000`,
  async run(context) {
    const large = context.options.events ?? QUICK;
    const small = Math.min(SMALL, large / 4);
    const original = Math.min(ORIGINAL, Math.floor(small / 5));
    const logs = [smallLog(context, small, original), await largeLog(context, large, original)];
    const contestants = [
      ...logs.map(append),
      ...logs.map((log) => project(log)),
      ...(await Promise.all(logs.map((log) => pageList(context, log)))),
    ];
    const lines = await inTurn(contestants, context.options.rounds ?? 3, context.say);
    const [less, more] = logs.map(({ size }) => sizeText(size)) as [string, string];
    const ratios = ['append', 'project', 'page a list'].map((what) =>
      ratioOf(lines, `${what} at ${more}`, `${what} at ${less}`, { atLeast: 0.9 }),
    );
    const about = `logs of ${less} and ${more} events; a turn appends or projects ${TURN_EVENTS}; full size: --events ${LARGE}`;
    const notes = [
      'each turn on the small log begins with a new one; the large one grows by what its turns append',
      `both are the same ${sizeText(original)} events, multiplied by the server; a turn goes on with four of the copies`,
    ];
    return [resultOf('growth', about, lines, ratios, notes)];
  },
};

function smallLog(context: BenchContext, size: number, original: number): Log {
  const sequel = { bodyBytes: context.options.bodyBytes, original, size };
  let next = createSequel(sequel);
  return {
    size,
    next: (count) => next(count),
    take() {
      next = createSequel(sequel);
      return fill(context, size, original);
    },
  };
}

async function largeLog(context: BenchContext, size: number, original: number): Promise<Log> {
  const database = await fill(context, size, original);
  return {
    size,
    next: createSequel({ bodyBytes: context.options.bodyBytes, original, size }),
    async take() {
      await projectToHead(database);
      return database;
    },
  };
}

const sizeText = (size: number) => Math.round(size).toLocaleString('en');

async function fill(
  { createDatabase, options, say }: BenchContext,
  size: number,
  original: number,
): Promise<BenchDatabase> {
  const database = await createDatabase();
  say(`making a log of ${sizeText(size)} events, and its read models`);
  await fillLog(database.pool, original, options.bodyBytes);
  await multiplyLog(database.pool, size);
  await projectToHead(database);
  // Else Postgres would do so by itself, beside some turns and not beside others.
  await database.pool.query('VACUUM (ANALYZE)');
  return database;
}

async function projectToHead(database: BenchDatabase): Promise<void> {
  const service = createService(database);
  await service.start();
  await service.untilHead();
  await service.stop();
}

function createService({ url }: BenchDatabase): ProjectorService {
  return createProjectorService({
    configuration: { PROJECTOR_PORT: 0, HOST: '127.0.0.1' } as never,
    databaseUrl: url,
    readDatabaseUrl: url,
    natsUrl: undefined,
    logger: quiet,
  });
}

function append({ size, next, take }: Log): Contestant {
  let pool: pg.Pool;
  let groups: NewEvent[][];
  return {
    name: `append at ${sizeText(size)}`,
    async prepare() {
      pool = createPool((await take()).url, { max: 1 });
      groups = inGroups(next(TURN_EVENTS), GROUP);
      await checkpoint(pool);
    },
    run: () =>
      rateOf(TURN_EVENTS, async () => {
        for (const group of groups) await appendEvents(pool, group);
      }),
    clear: () => pool.end(),
  };
}

function project({ size, next, take }: Log): Contestant {
  let service: ProjectorService;
  return {
    name: `project at ${sizeText(size)}`,
    async prepare() {
      const database = await take();
      for (const group of inGroups(next(TURN_EVENTS), GROUP)) await appendEvents(database.pool, group);
      await checkpoint(database.pool);
      service = createService(database);
    },
    run: () =>
      rateOf(TURN_EVENTS, async () => {
        await service.start();
        await service.untilHead();
      }),
    clear: () => service.stop(),
  };
}

async function pageList(context: BenchContext, { size, take }: Log): Promise<Contestant> {
  const database = await take();
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
          if (!answer.ok) throw new Error(`a page was answered ${answer.status}: ${await answer.text()}`);
          const { next_cursor } = (await answer.json()) as { next_cursor: string | null };
          cursor = next_cursor ? `&cursor=${encodeURIComponent(next_cursor)}` : '';
        }
      }),
  };
}
