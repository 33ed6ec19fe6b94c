import { type Command, InvalidArgumentError } from 'commander';
import type pg from 'pg';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { createPool } from '../postgres/connect.js';
import { listDiscarded } from '../projector/discarded.js';
import {
  discardParked,
  listParked,
  type ParkedFilter,
  type RetryOutcome,
  retryParked,
} from '../projector/parked.js';
import type { Pools } from '../projector/pools.js';
import type { CommandContext } from './context.js';

type Filter = ParkedFilter & { json?: boolean; discarded?: boolean };

/** `hookfold parked`: the events that a projection could not fold, and those that wait behind them. */
export function defineParked(parked: Command, context: CommandContext): void {
  parked.addHelpText(
    'after',
    '\nAll other rows go on. The log has every event; a rebuild starts from it, and passes over what was discarded, as ' +
      'long as the read model has the same version.' +
      "\nAll three look at the versions of this program's read models: what an older or a newer version has parked, " +
      'its own program lists, retries and discards.',
  );
  const add = (name: string, description: string, run: (filter: Filter) => Promise<void>) =>
    parked
      .command(name)
      .description(description)
      .option('--projection <name>', 'of this projection only', known)
      .option('--position <position>', 'this event only', position)
      .option('--json', 'print JSON')
      .action(run);

  add('list', 'Show what is parked, and why.', async (filter) => {
    if (filter.discarded) return printDiscarded(context, filter);
    await withPools(context, ({ readPool }) => printParked(context, readPool, filter));
  }).option('--discarded', 'show what was given up instead');
  add(
    'retry',
    'Fold parked events again, after a fix; with --position the whole row of that event.',
    async (filter) => {
      const { print } = context;
      const outcomes: RetryOutcome[] = [];
      // What was tried is told though another fails.
      try {
        await withPools(context, (pools) =>
          retryParked(pools, PROJECTIONS, filter, (outcome) => {
            outcomes.push(outcome);
            if (!filter.json) print(describe(outcome));
          }),
        );
        if (outcomes.length === 0 && !filter.json) print('nothing was parked');
      } finally {
        if (filter.json) print(JSON.stringify(outcomes));
      }
    },
  );
  add(
    'discard',
    'Give up one parked event, and fold those behind it.',
    async ({ projection, position, json }) => {
      if (projection === undefined || position === undefined)
        throw new Error('name the event: hookfold parked discard --projection NAME --position N');
      const outcome = await withPools(context, (pools) =>
        discardParked(pools, PROJECTIONS, { projection, position }),
      );
      context.print(json ? JSON.stringify([outcome]) : describe(outcome));
    },
  );
}

// There may be more than memory holds.
async function printParked({ print }: CommandContext, readPool: pg.Pool, filter: Filter): Promise<void> {
  let listed = 0;
  for await (const parked of listParked(readPool, PROJECTIONS, filter)) {
    const { projection, position, event, parked_at, reason } = parked;
    if (filter.json) print(`${listed === 0 ? '[' : ','}${JSON.stringify(parked)}`);
    else print(`${projection}  ${position}  ${event}  since ${parked_at}  ${reason}`);
    listed += 1;
  }
  if (filter.json) print(listed === 0 ? '[]' : ']');
  else if (listed === 0) print('nothing is parked');
}

async function printDiscarded(
  context: CommandContext,
  { projection, position, json }: Filter,
): Promise<void> {
  const all = await withPools(context, ({ readPool }) => listDiscarded(readPool, PROJECTIONS));
  const events = all.filter(
    (one) => one.projection === (projection ?? one.projection) && one.position === (position ?? one.position),
  );
  if (json) return context.print(JSON.stringify(events));
  for (const { projection, position, event, discarded_at, reason } of events)
    context.print(`${projection}  ${position}  ${event}  discarded ${discarded_at}  ${reason}`);
  if (events.length === 0) context.print('nothing was discarded');
}

const describe = ({ projection, folded, parked }: RetryOutcome) =>
  `${projection}: ${folded} folded, ${parked} still parked`;

async function withPools<T>(context: CommandContext, work: (pools: Pools) => Promise<T>): Promise<T> {
  const logPool = createPool(context.databaseUrl(), { max: 2 });
  const readPool = createPool(context.readDatabaseUrl(), { max: 2 });
  try {
    return await work({ logPool, readPool });
  } finally {
    await Promise.all([logPool.end(), readPool.end()]);
  }
}

const known = (name: string) => findProjection(name).name;

function position(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a position: a whole number from 1 on.');
}
