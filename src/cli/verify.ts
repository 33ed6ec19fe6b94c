import type { Command } from 'commander';
import { verifyLog } from '../log/verify-log.js';
import { createPool } from '../postgres/connect.js';
import type { CommandContext } from './context.js';
import { createProgressLine } from './progress-line.js';
import { addVerifyBusCommand } from './verify-bus.js';
import { addVerifyProjectionsCommand } from './verify-projections.js';

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
      const line = createProgressLine();
      const verdict = await verifyLog(pool, (position) => line.show(`${position} events checked`)).finally(
        () => {
          line.clear();
          return pool.end();
        },
      );
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
