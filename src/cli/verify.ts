import { type Command, InvalidArgumentError } from 'commander';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { verifyLog } from '../log/verify-log.js';
import { createPool } from '../postgres/connect.js';
import { type ProjectionVerdict, verifyProjection } from '../projector/verify/verify-projection.js';
import type { CommandContext } from './context.js';
import { printDifference } from './rebuild-report.js';
import { addVerifyBusCommand } from './verify-bus.js';

/** `hookfold verify log|bus|projections`: whether what is kept, copied and served is what happened. */
export function defineVerify(verify: Command, context: CommandContext): void {
  addVerifyLogCommand(verify, context);
  addVerifyBusCommand(verify, context);
  addVerifyProjectionsCommand(verify, context);
}

function addVerifyLogCommand(verify: Command, context: CommandContext): void {
  verify
    .command('log')
    .description('Check positions, digests, columns and the chain of seals. Exits with 1 at the first fault.')
    .option('--json', 'print the outcome as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const pool = createPool(context.databaseUrl());
      const verdict = await verifyLog(pool, progressLine('events')).finally(() => pool.end());
      const { fault, verified, seals, seal } = verdict;
      if (json) context.print(JSON.stringify(verdict));
      else if (fault) context.print(`position ${fault.position}: ${fault.fault}. ${fault.detail}`);
      else
        context.print(
          `${verified} events under ${seals} seals are whole. The last seal is ${seal}; keep it elsewhere.`,
        );
      if (fault) process.exitCode = 1;
    });
}

const WHOLE = PROJECTIONS.filter(({ within }) => within === 'log')
  .map(({ name }) => name)
  .join(', ');

function addVerifyProjectionsCommand(verify: Command, context: CommandContext): void {
  verify
    .command('projections [names...]')
    .description(
      'Fold keys afresh from the log and compare them with the served rows. Exits with 1 on drift.',
    )
    .option('--sample <count>', `check so many keys of each, chosen at random, but of ${WHOLE} all`, count)
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      `\n${WHOLE}: their keys lie in no integration, so they are compared whole, with --sample too: ` +
        'the log is read once for each from its beginning, and all their rows are held in memory.',
    )
    .action(async (names: string[], { sample, json }: { sample?: number; json?: boolean }) => {
      const projections = names.length > 0 ? names.map(findProjection) : PROJECTIONS;
      const logPool = createPool(context.databaseUrl());
      const readPool = createPool(context.readDatabaseUrl());
      const options = { logPool, readPool, onProgress: progressLine('keys'), ...(sample ? { sample } : {}) };
      const verdicts: ProjectionVerdict[] = [];
      try {
        for (const projection of projections) verdicts.push(await verifyProjection(projection, options));
      } finally {
        await Promise.all([logPool.end(), readPool.end()]);
      }
      if (json) context.print(JSON.stringify(verdicts));
      else for (const verdict of verdicts) printVerdict(context.print, verdict);
      if (verdicts.some(({ drifted }) => drifted > 0)) process.exitCode = 1;
    });
}

function printVerdict(print: CommandContext['print'], verdict: ProjectionVerdict): void {
  const { projection, checked, parked, drifted, sample } = verdict;
  const waiting = parked > 0 ? `, ${parked} passed over: an event of theirs is parked` : '';
  print(
    `${projection}: ${checked} keys checked, ${drifted === 0 ? 'no drift' : `${drifted} DRIFTED`}${waiting}`,
  );
  for (const difference of sample) printDifference(print, difference);
  if (drifted > 0) print(`  Look at what wrote there; hookfold rebuild ${projection} --yes puts it right.`);
}

function progressLine(what: string): (done: number) => void {
  if (!process.stderr.isTTY) return () => {};
  return (done) => void process.stderr.write(`\r${done} ${what} checked\x1b[K`);
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number from 1 on.');
}
