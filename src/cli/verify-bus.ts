import type { Command } from 'commander';
import { createPool } from '../postgres/connect.js';
import { type BusVerification, verifyBus } from '../relay/verify-bus.js';
import type { CommandContext } from './context.js';
import { createProgressLine } from './progress-line.js';

/** `hookfold verify bus`: compares stream and log. Exits with 1 where they differ. */
export function addVerifyBusCommand(verify: Command, context: CommandContext): void {
  verify
    .command('bus')
    .description('Compare every message of the stream with the event of its number in the log.')
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      '\nStops nothing, changes nothing. Exits with 1 if the stream is no copy of the log.',
    )
    .action(async ({ json }: { json?: boolean }) => {
      const outcome = await compareBus(context);
      context.print(json ? JSON.stringify(outcome) : describe(outcome));
      if (outcome.difference) process.exitCode = 1;
    });
}

async function compareBus(context: CommandContext): Promise<BusVerification> {
  const natsUrl = context.natsUrl();
  if (!natsUrl) throw new Error('NATS_URL is not set, and no hookfold with a bus runs here. Set NATS_URL.');
  const pool = createPool(context.databaseUrl());
  const line = createProgressLine();
  try {
    const onProgress = (compared: number, of: number) => line.show(`${compared} of ${of} compared`);
    return await verifyBus({ pool, natsUrl, onProgress });
  } finally {
    line.clear();
    await pool.end();
  }
}

function describe({ compared, first_sequence, sequence, head, difference }: BusVerification): string {
  const removed =
    first_sequence > 1 ? `; the stream begins at ${first_sequence}, what was before it was not compared` : '';
  if (difference)
    return `position ${difference.position}: ${difference.finding} (${compared} before it are equal${removed})`;
  const waiting = head > sequence ? `; ${head - sequence} wait to be mirrored` : '';
  return `${compared} messages equal the log's events${waiting}${removed}`;
}
