import { type Command, InvalidArgumentError } from 'commander';
import type { Projection } from '../../projections/contract.js';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { createPool } from '../postgres/connect.js';
import {
  type ProjectionVerdict,
  type VerifyOptions,
  verifyProjection,
} from '../projector/verify/verify-projection.js';
import type { CommandContext } from './context.js';
import { describeError } from './describe-error.js';
import { createProgressLine } from './progress-line.js';
import { printDifference } from './rebuild-report.js';

const WHOLE = PROJECTIONS.filter(({ within }) => within === 'log')
  .map(({ name }) => name)
  .join(', ');

interface Options {
  sample?: number;
  json?: boolean;
}

/** `hookfold verify projections`: exits with 1 where rows drifted, or could not be verified. */
export function addVerifyProjectionsCommand(verify: Command, context: CommandContext): void {
  verify
    .command('projections [names...]')
    .description(
      'Fold keys afresh from the log and compare them with the served rows. Exits with 1 on drift.',
    )
    .option('--sample <count>', `check so many keys of each, chosen at random, but of ${WHOLE} all`, count)
    .option('--json', 'print the outcomes as JSON, when all are there')
    .addHelpText(
      'after',
      `\n${WHOLE}: their keys lie in no integration, so they are compared whole, with --sample too: ` +
        'the log is read once for each from its beginning, and all their rows are held in memory, 500,000 at the most. ' +
        'Of one with more, hookfold rebuild NAME --dry-run compares.',
    )
    .action(async (names: string[], options: Options) => {
      const projections = names.length > 0 ? names.map(findProjection) : PROJECTIONS;
      const logPool = createPool(context.databaseUrl());
      const readPool = createPool(context.readDatabaseUrl());
      try {
        await verifyEach(projections, { logPool, readPool }, options, context.print);
      } finally {
        await Promise.all([logPool.end(), readPool.end()]);
      }
    });
}

/** A read model that could not be verified. */
interface Failure {
  projection: string;
  error: string;
}

// What was found of one is told before the next is begun, and whatever becomes of that.
async function verifyEach(
  projections: readonly Projection[],
  pools: Pick<VerifyOptions, 'logPool' | 'readPool'>,
  { sample, json }: Options,
  print: CommandContext['print'],
): Promise<void> {
  const line = createProgressLine();
  const onProgress = (checked: number) => line.show(`${checked} keys checked`);
  const outcomes: (ProjectionVerdict | Failure)[] = [];
  for (const projection of projections) {
    const outcome = await verifyProjection(projection, {
      ...pools,
      onProgress,
      ...(sample ? { sample } : {}),
    }).catch((error): Failure => ({ projection: projection.name, error: describeError(error) }));
    line.clear();
    if ('error' in outcome) process.stderr.write(`${outcome.projection}: not verified: ${outcome.error}\n`);
    else if (!json) printVerdict(print, outcome);
    if ('error' in outcome || outcome.drifted > 0) process.exitCode = 1;
    outcomes.push(outcome);
  }
  if (json) print(JSON.stringify(outcomes));
}

function printVerdict(print: CommandContext['print'], verdict: ProjectionVerdict): void {
  const { projection, checked, parked, drifted, sample, more } = verdict;
  const waiting = parked > 0 ? `, ${parked} passed over: an event of theirs is parked` : '';
  print(
    `${projection}: ${checked} keys checked, ${drifted === 0 ? 'no drift' : `${drifted} DRIFTED`}${waiting}`,
  );
  for (const difference of sample) printDifference(print, difference);
  if (more > 0) print(`  … and ${more} more`);
  if (drifted > 0) print(`  Look at what wrote there; hookfold rebuild ${projection} --yes puts it right.`);
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number from 1 on.');
}
