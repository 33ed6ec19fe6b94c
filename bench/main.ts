// `npm run bench`: what hookfold does beside what one would pick instead and beside the floor that the machine sets.
import { loadavg } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { BenchResult } from './bench.js';
import { BENCHES } from './benches.js';
import { describeMachine } from './machine.js';
import { describe, toJson, toTable } from './report.js';
import { createRun } from './run.js';

interface Flags {
  json?: boolean;
  events?: number;
  rounds?: number;
  seconds?: number;
  minutes: number;
  body: string;
  databaseUrl?: string;
  natsUrl?: string;
}

const list = BENCHES.map(
  ({ name, about, long }) => `  ${name.padEnd(12)} ${about}${long ? ' (when named)' : ''}`,
);

const program = new Command('npm run bench --')
  .description('Measures in turn, in one run, and prints the ratios with their aims.')
  .argument('[names...]', 'benches; default: all that are short')
  .option('--json', 'every value, for a script')
  .option(
    '--events <count>',
    'events of a turn; default: a size of each bench that takes seconds',
    wholeNumber,
  )
  .option('--rounds <count>', 'turns of each contestant', wholeNumber)
  .option('--seconds <count>', 'length of a turn under load over HTTP', wholeNumber)
  .option('--minutes <count>', 'length of soak', Number, 1)
  .addOption(
    new Option('--body <bytes>', 'about so many bytes has a body').choices(['770', '8192']).default('770'),
  )
  .addOption(new Option('--database-url <url>', 'a Postgres to use, as superuser').env('BENCH_DATABASE_URL'))
  .addOption(new Option('--nats-url <url>', 'a nats-server to use').env('BENCH_NATS_URL'))
  .addHelpText('after', `\nBenches:\n${list.join('\n')}`)
  .action(run);

async function run(names: string[], flags: Flags): Promise<void> {
  const load = loadavg()[0]!;
  const chosen = names.length > 0 ? names.map(findBench) : BENCHES.filter(({ long }) => !long);
  const { events, rounds, seconds, minutes } = flags;
  const options = { events, rounds, seconds, minutes, bodyBytes: Number(flags.body) };
  const named = {
    ...(flags.databaseUrl ? { databaseUrl: flags.databaseUrl } : {}),
    ...(flags.natsUrl ? { natsUrl: flags.natsUrl } : {}),
  };
  const bench = createRun(named, options);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => void bench.stop().finally(() => process.exit(1)));
  const results: BenchResult[] = [];
  try {
    for (const one of chosen) {
      const found = await bench.run(one);
      results.push(...found);
      if (!flags.json) for (const result of found) process.stdout.write(`${toTable(result)}\n`);
    }
    const machine = describeMachine(await bench.servers(), load);
    process.stdout.write(
      flags.json ? `${toJson(machine, options, results)}\n` : `${describe(machine, options)}\n`,
    );
  } finally {
    await bench.stop();
  }
}

function findBench(name: string) {
  const found = BENCHES.find((bench) => bench.name === name);
  if (found) return found;
  throw new Error(`no bench is named ${name}. Choose of: ${BENCHES.map((bench) => bench.name).join(', ')}.`);
}

function wholeNumber(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number from 1 on.');
}

try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).stack}\n`);
  process.exitCode = 1;
}
