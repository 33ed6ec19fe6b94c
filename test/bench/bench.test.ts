import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { packageRoot } from '../../src/postgres/package-root.js';
import { readTestServers } from '../support/runner-file.js';

interface Report {
  machine: Record<string, unknown>;
  results: {
    bench: string;
    lines: { name: string; values: number[]; median: number }[];
    ratios: { name: string; values: number[]; median: number }[];
  }[];
}

// Those that need neither the registry nor seconds of load.
const SHORT = ['append', 'publish'];

t.test('benches measure in turn and report ratios for a script', async (t) => {
  const program = join(packageRoot(), 'bin', 'bench.js');
  const sizes = [
    '--events',
    '600',
    '--rounds',
    '1',
    '--json',
    '--database-url',
    readTestServers().postgresUrl,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...SHORT, ...sizes]);
  const { machine, results }: Report = JSON.parse(stdout);
  t.same(
    results.map(({ bench }) => bench),
    SHORT,
  );
  t.match(machine, { cores: Number, postgres: /server_version=/, node: process.version });
  for (const { bench, lines, ratios } of results) {
    t.ok(ratios.length > 0, `${bench} has a ratio`);
    for (const { name, median } of [...lines, ...ratios]) t.ok(median > 0, `${bench}: ${name}`);
  }
});

t.test('a bench that does not exist is named, with those that do', async (t) => {
  const program = join(packageRoot(), 'bin', 'bench.js');
  const run = promisify(execFile)(process.execPath, [program, 'speed']);
  await t.rejects(run, { code: 1, stderr: /no bench is named speed\. Choose of: append, append-peer/ });
});
