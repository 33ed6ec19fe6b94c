import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Projection } from '../../projections/contract.js';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { createPool } from '../postgres/connect.js';
import type { Pools } from '../projector/pools.js';
import { dropProjection } from '../projector/rebuild/drop-projection.js';
import type { Outcome } from '../projector/rebuild/finish.js';
import { type RebuildOptions, rebuild } from '../projector/rebuild/rebuild.js';
import { discardRebuilds } from '../projector/rebuild/retire.js';
import { rollbackRebuild } from '../projector/rebuild/rollback.js';
import { createThrottle } from '../projector/rebuild/throttle.js';
import { createWorkerLoader } from '../projector/rebuild/worker-loader.js';
import type { Build } from '../read-models/build.js';
import { createConfirmation } from './confirm.js';
import type { CommandContext } from './context.js';
import { createRebuildProgress } from './rebuild-progress.js';
import { printOutcomes } from './rebuild-report.js';

interface Flags {
  dryRun?: boolean;
  diff?: boolean;
  workers: number;
  yes?: boolean;
  rollback?: boolean;
  discard?: boolean;
  drop?: boolean;
  json?: boolean;
  memory: number;
  lagLimit: number;
  page: number;
}

/** Options that mean something to a rebuild, and nothing to its rollback, to discarding or dropping. */
const OF_A_RUN = ['dryRun', 'diff', 'workers', 'memory', 'lagLimit', 'page'];

/** `hookfold rebuild`: the read models anew from the log, compared with the served ones, then swapped in. */
export function defineRebuild(command: Command, context: CommandContext): void {
  command
    .option('--dry-run', 'stop before the swap, and report')
    .option('--diff', 'show rows that were added, removed or changed, column by column')
    .option('--workers <count>', 'fold with so many threads', count, 1)
    .option(
      '--yes',
      'swap even if a rebuild of the same version differs from the served rows (drift); with --drop: do not ask',
    )
    .addOption(
      new Option(
        '--rollback',
        'serve the table from before the last rebuild again, and follow from there',
      ).conflicts([...OF_A_RUN, 'yes', 'discard', 'drop']),
    )
    .addOption(
      new Option('--discard', 'drop what an interrupted or dry rebuild has built').conflicts([
        ...OF_A_RUN,
        'yes',
        'drop',
      ]),
    )
    .addOption(
      new Option(
        '--drop',
        'drop a read model that the code has no more, with all its tables and views',
      ).conflicts(OF_A_RUN),
    )
    .option(
      '--memory <MB>',
      'bytes of changed rows at which they are written; the process takes five to seven times that',
      count,
      80,
    )
    .option('--lag-limit <events>', 'slow down while the live read models are further behind', count, 5000)
    .option('--page <events>', 'events of one read', count, 2000)
    .option('--json', 'print the result as JSON')
    .action(async (given: string[], flags: Flags) => {
      const names = [...new Set(given)];
      if (flags.drop) return drop(context, names, flags);
      const projections = names.length > 0 ? names.map(findProjection) : PROJECTIONS;
      if (flags.discard) await discard(context, names, flags);
      else if (flags.rollback) await rollback(context, names, flags);
      else await run(context, projections, flags);
    });
}

async function discard(context: CommandContext, names: string[], { json }: Flags): Promise<void> {
  const { print } = context;
  await withPool(context.readDatabaseUrl(), async (pool) => {
    const dropped = await discardRebuilds(pool, names, { logger: context.logger('rebuild') });
    if (json) return print(JSON.stringify(dropped.map(toJson)));
    for (const { table_name } of dropped) print(`dropped ${table_name}`);
    if (dropped.length === 0) print('nothing half-built was there');
  });
}

async function drop(context: CommandContext, names: string[], { json, yes }: Flags): Promise<void> {
  const { print } = context;
  if (names.length === 0) throw new Error('name the read model to drop: hookfold rebuild --drop NAME');
  const known = names.find((name) => PROJECTIONS.some((projection) => projection.name === name));
  if (known) throw new Error(`${known} is a read model of this code: a projector would make it anew`);
  const ask = createConfirmation(json);
  if (!yes && !(await ask(`Drop all tables and views of ${names.join(', ')}?`)))
    throw new Error('nothing was dropped: it cannot be taken back. Say so with --yes');
  await withPool(context.readDatabaseUrl(), async (pool) => {
    for (const name of names) {
      const dropped = await dropProjection(pool, name, { logger: context.logger('rebuild') });
      if (json) print(JSON.stringify(dropped.map(toJson)));
      else for (const { table_name } of dropped) print(`dropped ${table_name}`);
    }
  });
}

const toJson = ({ projection, version, table_name }: Build) => ({ projection, version, table_name });

async function rollback(context: CommandContext, names: string[], { json }: Flags): Promise<void> {
  const { print } = context;
  if (names.length === 0)
    throw new Error('name the projection to take back: hookfold rebuild --rollback NAME');
  await withPools(context, async (pools) => {
    const served: Build[] = [];
    // What was taken back is told though another fails.
    try {
      for (const name of names) {
        const projection = findProjection(name);
        const build = await rollbackRebuild(pools, projection);
        served.push(build);
        if (json) continue;
        print(`${name} is served from ${build.table_name} again (version ${build.version})`);
        if (build.version < projection.version) for (const line of pinnedLines(name, build)) print(line);
      }
    } finally {
      if (json && served.length > 0) print(JSON.stringify(served.map(toJson)));
    }
  });
}

const pinnedLines = (name: string, { version }: Build) => [
  `  That is what SQL reads in read_model.${name}. Version ${version} is followed, and answered over HTTP, by processes of`,
  `  version ${version}: run them. Newer versions are not rebuilt by themselves until: hookfold rebuild ${name}`,
];

type Pool = ReturnType<typeof createPool>;

async function withPool(url: string, use: (pool: Pool) => Promise<void>): Promise<void> {
  const pool = createPool(url);
  try {
    await use(pool);
  } finally {
    await pool.end();
  }
}

const withPools = (context: CommandContext, use: (pools: Pools) => Promise<void>) =>
  withPool(context.databaseUrl(), (logPool) =>
    withPool(context.readDatabaseUrl(), (readPool) => use({ logPool, readPool })),
  );

async function run(context: CommandContext, projections: readonly Projection[], flags: Flags): Promise<void> {
  const databaseUrl = context.databaseUrl();
  const readDatabaseUrl = context.readDatabaseUrl();
  await withPool(databaseUrl, (logPool) =>
    withPool(readDatabaseUrl, async (readPool) => {
      const throttle = createThrottle({ logPool, readPool, lagLimit: flags.lagLimit });
      const progress = createRebuildProgress(flags.json ?? false, throttle);
      const options: RebuildOptions = {
        logPool,
        readPool,
        logger: context.logger('rebuild'),
        workers: flags.workers,
        load: createWorkerLoader({
          databaseUrl,
          readDatabaseUrl,
          workers: flags.workers,
          memoryBytes: flags.memory * 1024 * 1024,
          pageEvents: flags.page,
        }),
        sampleSize: flags.diff ? 50 : 5,
        dryRun: flags.dryRun ?? false,
        acceptDrift: flags.yes ?? false,
        onPhase: progress.phase,
        onLeftover: progress.leftover,
        async onProgress(at) {
          progress.report(at);
          await throttle.pace();
        },
      };
      const outcomes = new Map<string, Outcome>();
      const onOutcome = (name: string, outcome: Outcome) => void outcomes.set(name, outcome);
      // What came to its end is told though another failed.
      await rebuild(projections, { ...options, onOutcome })
        .finally(progress.end)
        .catch((error) => {
          if (outcomes.size > 0) printOutcomes(context.print, outcomes, flags);
          throw error;
        });
      const drifted = printOutcomes(context.print, outcomes, flags);
      if (drifted.length === 0) return;
      process.exitCode = 1;
      if (flags.dryRun || !(await createConfirmation(flags.json)('Swap the rebuilt rows in all the same?')))
        return;
      const names = projections.filter(({ name }) => drifted.includes(name));
      printOutcomes(
        context.print,
        await rebuild(names, { ...options, acceptDrift: true, onLeftover: undefined }),
        flags,
      );
      process.exitCode = 0;
    }),
  );
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number from 1 on.');
}
