// project: the live projector on a backlog, six read models, beside the same reads and writes without a fold, and beside
// the door that fills the log.
import type pg from 'pg';
import type { Projection } from '../projections/contract.js';
import { PROJECTIONS } from '../projections/index.js';
import { toFoldedEvents } from '../src/log/copied-event.js';
import { createFoldedRunCopier } from '../src/log/read-run.js';
import { createPool } from '../src/postgres/connect.js';
import {
  inPipelinedTransaction,
  PIPELINED,
  runAll,
  type Statement,
  withClient,
} from '../src/postgres/pipeline.js';
import { createPageReader } from '../src/projector/read-page.js';
import { createRunReader, type RunReader } from '../src/projector/run-reader.js';
import {
  createProjectorService,
  GENERATION_BYTES,
  PAGE_BYTES,
  PAGE_EVENTS,
} from '../src/projector/service.js';
import { tableOf } from '../src/read-models/build.js';
import { ensureLiveBuild } from '../src/read-models/live-build.js';
import { createRowTable, type RowTable } from '../src/read-models/rows.js';
import type { Bench, BenchContext, BenchDatabase } from './bench.js';
import { untilRelayed } from './bus.js';
import { createDoorLoad } from './door-load.js';
import { fillLog } from './fill-log.js';
import { type Contestant, checkpoint, inTurn, rateOf, ratioOf, resultOf } from './in-turn.js';
import { quiet } from './quiet.js';
import { recordWrites, type Step } from './record-writes.js';
import { createSource, startRole } from './role.js';

const BEGIN = 'BEGIN; SET LOCAL synchronous_commit = off';

const NAMES = { ours: 'projector', bare: 'bare reads and writes', ingest: 'ingest' };

export const project: Bench = {
  name: 'project',
  about: 'live projector on a backlog beside the same reads and writes without a fold, and beside ingest',
  async run(context) {
    const { options, say } = context;
    const count = options.events ?? 60_000;
    const log = await context.createDatabase();
    say(`filling a log with ${count} events`);
    await fillLog(log.pool, count, options.bodyBytes);
    const door = await context.createDatabase();
    const load = createDoorLoad(options, door);
    const path = await createSource(door);
    const { url } = await startRole(context, 'ingest', door);
    const contestants = [
      projector(context, log, count),
      await bare(context, log, count),
      // So that no other's turn pays for what the relay still has to do.
      {
        ...load.contestant(NAMES.ingest, url + path),
        clear: async () => void (await untilRelayed(await context.natsUrl(), door.pool)),
      },
    ];
    const lines = await inTurn(contestants, options.rounds ?? 3, say);
    const about = `backlog of ${count} events, ${PROJECTIONS.length} read models, empty tables, one process`;
    const ratios = [
      ratioOf(lines, NAMES.ours, NAMES.bare, { atLeast: 0.7 }),
      ratioOf(lines, NAMES.ours, NAMES.ingest, { atLeast: 2 }),
    ];
    const notes = [
      'bare: the same pages, look-ups and upserts of the same rows by the same statements, in transactions alike, a page ' +
        'read and looked up while the one before is written; no body looked at, nothing folded, no checkpoint',
      `ingest: HTTP to a committed 202, on a log of its own, relaying to NATS; ${load.about}; ${load.cost()}`,
    ];
    return [resultOf('project', about, lines, ratios, notes)];
  },
};

function projector(context: BenchContext, log: BenchDatabase, count: number): Contestant {
  let readModels: BenchDatabase;
  return {
    name: NAMES.ours,
    async prepare() {
      readModels = await context.createDatabase();
      await checkpoint(log.pool);
    },
    async run() {
      const service = createProjectorService({
        configuration: { PROJECTOR_PORT: 0, HOST: '127.0.0.1' } as never,
        databaseUrl: log.url,
        readDatabaseUrl: readModels.url,
        natsUrl: undefined,
        logger: quiet,
      });
      const rate = await rateOf(count, async () => {
        await service.start();
        await service.untilHead();
      });
      await service.stop();
      return rate;
    },
  };
}

function createReader(readRun: RunReader) {
  return createPageReader({ readRun, pageEvents: PAGE_EVENTS, pageBytes: PAGE_BYTES });
}

/** Reads as the projector does, and looks at no body. */
function createBareReader(pool: pg.Pool) {
  const copyRun = createFoldedRunCopier(pool);
  return createReader(async (position, limits) => {
    const run = await copyRun(position, limits);
    return { events: [...toFoldedEvents(run)], isFull: run.isFull };
  });
}

async function bare(context: BenchContext, log: BenchDatabase, count: number): Promise<Contestant> {
  const pages = await recordWrites(
    PROJECTIONS,
    createReader(createRunReader(log.pool)),
    PAGE_EVENTS,
    GENERATION_BYTES,
  );
  let tables: Map<Projection, RowTable>;
  let pool: pg.Pool;
  return {
    name: NAMES.bare,
    async prepare() {
      const readModels = await context.createDatabase();
      pool = createPool(readModels.url, { max: 4, ...PIPELINED });
      tables = await createTables(readModels.pool);
      await checkpoint(log.pool);
    },
    run: () => rateOf(count, () => replay(pages, createBareReader(log.pool), pool, tables)),
    clear: () => pool.end(),
  };
}

async function createTables(pool: pg.Pool): Promise<Map<Projection, RowTable>> {
  const tables = new Map<Projection, RowTable>();
  for (const projection of PROJECTIONS) {
    const build = await ensureLiveBuild(pool, projection);
    tables.set(projection, createRowTable(projection, tableOf(build!)));
  }
  return tables;
}

async function replay(
  pages: readonly Step[][],
  readPage: ReturnType<typeof createReader>,
  pool: pg.Pool,
  tables: Tables,
): Promise<void> {
  let position = 0;
  let writing: Promise<unknown> = Promise.resolve();
  for (const steps of pages) {
    const events = await readPage(position, PAGE_EVENTS);
    position = events.at(-1)!.position;
    await withClient(pool, (client) => runAll(client, loadsOf(steps, client, tables)));
    await writing;
    writing = withClient(pool, (client) => inPipelinedTransaction(client, writesOf(steps, tables), BEGIN));
    writing.catch(() => {}); // It is told when it is waited for.
  }
  await writing;
}

type Tables = ReadonlyMap<Projection, RowTable>;

function loadsOf(steps: readonly Step[], client: pg.ClientBase, tables: Tables): (() => Promise<unknown>)[] {
  return steps.flatMap(({ projection, loads }) =>
    loads.map((keys) => () => tables.get(projection)!.load(client, keys)),
  );
}

function writesOf(steps: readonly Step[], tables: Tables): Statement[] {
  return steps.flatMap(({ projection, inserts, upserts, removals }) => {
    const table = tables.get(projection)!;
    return [...inserts.map(table.insert), ...upserts.map(table.upsert), ...removals.flatMap(table.remove)];
  });
}
