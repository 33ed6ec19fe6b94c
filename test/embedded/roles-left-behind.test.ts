// What a killed start leaves behind: roles that end by themselves, once they have done what is in flight.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { endRolesLeftBehind } from '../../src/cli/start/roles.js';
import { identify } from '../../src/embedded/process-identity.js';
import { readLastRunFile, writeRunFile } from '../../src/embedded/run-file.js';
import { runProgram } from '../support/run-program.js';
import { createTestHome } from '../support/test-home.js';
import { waitFor } from '../support/wait-for.js';

/** A role that ends once its input does, and what its start wrote down of it. The start is dead. */
async function leaveRole(t: Test) {
  const home = createTestHome(t);
  const role: ChildProcess = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'] });
  t.teardown(() => role.kill('SIGKILL'));
  await once(role, 'spawn');
  const url = 'http://127.0.0.1:1';
  writeRunFile(home, {
    supervisor: { ...identify(process.pid), startedAt: 'long ago' },
    databaseUrl: 'postgres://127.0.0.1:1/none',
    natsUrl: 'nats://127.0.0.1:1',
    ...{ ingestUrl: url, queryUrl: url, projectorUrl: url },
    roles: [identify(role.pid!)],
  });
  return { home, role };
}

t.test('they are waited for, without a signal', async (t) => {
  const { home, role } = await leaveRole(t);
  const exit = once(role, 'exit');
  const ended = endRolesLeftBehind(home);
  role.stdin!.end();
  t.same(await exit, [0, null]);
  await ended;
});

t.test('a start that is stopped while it waits for them leaves word of them to the next', async (t) => {
  const { home, role } = await leaveRole(t);
  const program = runProgram(t, ['start'], { HOOKFOLD_DATA: home, INGEST_PORT: '0', QUERY_PORT: '0' });
  await waitFor(() => readdirSync(join(home, 'starts')).length === 1);
  program.kill('SIGTERM');
  t.match(await program.exit, { code: 0, stdout: /stopped\.\n$/ });
  t.equal(readLastRunFile(home)!.roles[0]!.pid, role.pid);
});
