import { renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createRoleProcess } from '../../src/embedded/role-process.js';
import { waitFor } from '../support/wait-for.js';

const READY =
  "process.send('ready'); process.on('disconnect', () => process.exit()); setInterval(() => {}, 1000);";

/** A role that runs, and what was said of it. */
async function startRole(t: Test) {
  const folder = t.testdir({ 'role.cjs': READY, logs: {} });
  const said: string[] = [];
  // A Node of its own, which can be taken away, as an upgrade does.
  const node = process.execPath;
  process.execPath = join(folder, 'node');
  symlinkSync(node, process.execPath);
  t.teardown(() => {
    process.execPath = node;
  });
  const environment: NodeJS.ProcessEnv = { PATH: process.env.PATH };
  const role = createRoleProcess({
    role: 'ingest',
    program: join(folder, 'role.cjs'),
    environment,
    logFile: join(folder, 'logs', 'ingest.log'),
    say: (line) => void said.push(line),
    changed: () => {},
  });
  t.teardown(() => role.stop(0));
  await role.start();
  return { role, folder, said };
}

t.test('a role is started again until it can be, where its program goes and comes back', async (t) => {
  const { role, said } = await startRole(t);
  const first = role.identity()!;
  renameSync(process.execPath, `${process.execPath}.old`);
  process.kill(first.pid, 'SIGKILL');
  await waitFor(() => said.filter((line) => /could not be run: .*ENOENT/.test(line)).length >= 2);
  t.equal(role.identity(), undefined);
  renameSync(`${process.execPath}.old`, process.execPath);
  await waitFor(() => said.at(-1) === 'ingest runs again');
  t.not(role.identity()!.pid, first.pid);
});

t.test('a role is started again until it can be, where its log cannot be opened', async (t) => {
  const { role, folder, said } = await startRole(t);
  renameSync(join(folder, 'logs'), join(folder, 'logs.old'));
  process.kill(role.identity()!.pid, 'SIGKILL');
  await waitFor(() => said.filter((line) => /could not be run: .*ENOENT/.test(line)).length >= 2);
  renameSync(join(folder, 'logs.old'), join(folder, 'logs'));
  await waitFor(() => said.at(-1) === 'ingest runs again');
  t.ok(role.identity());
});
