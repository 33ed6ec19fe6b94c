import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect } from 'nats';
import t, { type Test } from 'tap';
import { STREAM } from '../../src/bus/stream.js';
import { findFreePort } from '../../src/embedded/free-port.js';
import { identify, isSameProcess, type ProcessIdentity } from '../../src/embedded/process-identity.js';
import { type RunFile, readLastRunFile, readRunFile } from '../../src/embedded/run-file.js';
import { type RunningProgram, runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { createTestHome } from '../support/test-home.js';
import { waitFor } from '../support/wait-for.js';

const STOP_WITHIN_MS = 10_000;
const START_WITHIN_MS = 60_000;

// One home through all of it: each test starts on what the one before left.
const home = createTestHome(t);
const environment: Record<string, string> = { HOOKFOLD_DATA: home };
let webhookUrl = '';
let apiKey = '';

t.before(async () => {
  for (const name of ['INGEST_PORT', 'QUERY_PORT']) environment[name] = String(await findFreePort());
});

const event = (position: number) => ({
  workspace_id: '7d0c7a8e-5a0e-4a55-9d3b-0c7b6a3f9f11',
  customer_id: 'customer_1234',
  event: 'integration_installed',
  state: null,
  payload: { id: `0b9c1f2e-7c1d-4b8e-a5d7-${String(position).padStart(12, '0')}`, connector_type: 'jira' },
});

async function send(position: number): Promise<number> {
  const answer = await fetch(webhookUrl, { method: 'POST', body: JSON.stringify(event(position)) });
  return ((await answer.json()) as { position: number }).position;
}

async function integrations(minPosition: number): Promise<number> {
  const url = `http://127.0.0.1:${environment.QUERY_PORT}/v1/integrations?min_position=${minPosition}`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${apiKey}` } });
  return ((await answer.json()) as { items: unknown[] }).items.length;
}

function start(t: Test): RunningProgram {
  // A process group of its own, as a terminal gives it, so that a signal to the group is a Ctrl-C.
  return runProgram(t, ['start'], environment, { detached: true });
}

/** Every process of a start: itself, its roles, and the servers that it brought. */
function processesOf({ supervisor, roles }: RunFile): ProcessIdentity[] {
  const servers = ['nats.pid', 'postgres/data/postmaster.pid'].map(pidIn);
  return [supervisor, ...roles, ...servers.map(identify)];
}

const pidIn = (file: string) => Number.parseInt(readFileSync(join(home, file), 'utf8'), 10);

t.test('the first start prints what to paste and to try, takes a webhook, and ends on Ctrl-C', async (t) => {
  const program = start(t);
  const [, url] = await program.waitForLine(/webhook URL {3}(http\S+)/, START_WITHIN_MS);
  const [, key] = await program.waitForLine(/API key {7}(hfk_\S+)/);
  await program.waitForLine(/stream HOOKFOLD/);
  webhookUrl = url!;
  apiKey = key!;
  t.equal(await send(1), 1);
  t.equal(await integrations(1), 1);

  const second = runProgram(t, ['start'], environment);
  const refused = await second.exit;
  t.match(refused, { code: 1, stderr: `another hookfold start (process ${program.pid}) runs in ${home}` });

  const processes = processesOf(readRunFile(home)!);
  t.equal(processes.filter(isSameProcess).length, 6);
  const stoppedFrom = Date.now();
  process.kill(-program.pid, 'SIGINT');
  process.kill(program.pid, 'SIGINT'); // npm passes on what the terminal has sent already.
  t.match(await program.exit, { code: 0, stdout: /stopped\.\n$/ });
  t.ok(Date.now() - stoppedFrom < STOP_WITHIN_MS);
  t.same(processes.filter(isSameProcess), []);
  t.equal(readLastRunFile(home), undefined);
});

t.test('a later start shows secrets on request only, and survives a kill of any part', async (t) => {
  const program = start(t);
  await program.waitForLine(/hookfold runs/, START_WITHIN_MS);
  t.notMatch(program.stdout(), webhookUrl);
  t.notMatch(program.stdout(), apiKey);
  const shown = await runProgram(t, ['start', '--show-url'], environment).exit;
  t.match(shown.stdout, webhookUrl);
  t.match(shown.stdout, apiKey);
  t.equal(await integrations(1), 1, 'the data are as they were');

  const ingest = readRunFile(home)!.roles[0]!;
  process.kill(ingest.pid, 'SIGKILL');
  await program.waitForLine(/ingest was ended by SIGKILL; starting it again/);
  await program.waitForLine(/ingest runs again/);
  t.equal(await send(2), 2);

  process.kill(pidIn('postgres/data/postmaster.pid'), 'SIGKILL');
  await program.waitForLine(/Postgres runs again/);
  t.equal(await waitFor(() => send(3)), 3);

  const { roles } = readRunFile(home)!;
  program.kill('SIGKILL');
  await program.exit;
  await waitFor(() => !roles.some(isSameProcess), { what: 'the roles to end with their supervisor' });
});

t.test('a start goes on without whoever read its output, and ends whole all the same', async (t) => {
  const program = start(t);
  await program.waitForLine(/hookfold runs/, START_WITHIN_MS);
  program.child.stdout!.destroy();
  program.child.stderr!.destroy();
  const ingest = readRunFile(home)!.roles[0]!;
  process.kill(ingest.pid, 'SIGKILL'); // What is said of that, nobody hears.
  await waitFor(() => {
    const { roles } = readRunFile(home)!;
    return roles.length === 3 && roles.every(({ pid }) => pid !== ingest.pid);
  });
  t.equal(await waitFor(() => send(4)), 4);
  const processes = processesOf(readRunFile(home)!);
  t.equal(processes.filter(isSameProcess).length, 6);
  program.kill('SIGTERM');
  t.match(await program.exit, { code: 0 });
  t.same(processes.filter(isSameProcess), []);
});

t.test('a start takes over what a killed one left; its door does not wait for NATS', async (t) => {
  // Another start on this machine would take the port before ours has it; so ours is a random one.
  const usual = createServer()
    .on('error', () => {})
    .listen(4222, '127.0.0.1');
  t.teardown(() => usual.close());
  // Found before the real one.
  const folder = t.testdir({});
  const natsServer = join(folder, 'nats-server');
  const put = (script: string) => {
    writeFileSync(`${natsServer}.new`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    renameSync(`${natsServer}.new`, natsServer);
  };
  put('exec sleep 1000'); // As one that recovers a large stream: it runs, and says nothing.
  const withoutBus = { ...environment, PATH: `${folder}:${process.env.PATH}` };
  const program = runProgram(t, ['start'], withoutBus, { detached: true });
  await program.waitForLine(/hookfold runs\./, START_WITHIN_MS);
  t.equal(await send(5), 5);
  t.equal(await integrations(5), 5);

  put('echo "no bus today"; exit 1');
  process.kill(pidIn('nats.pid'), 'SIGKILL');
  await program.waitForLine(/nats-server cannot be started: .*no bus today\nUntil it can, hookfold runs/s);
  rmSync(natsServer);
  await program.waitForLine(/nats-server runs/);
  const bus = await connect({ servers: readRunFile(home)!.natsUrl });
  const manager = await bus.jetstreamManager();
  await waitFor(async () => (await manager.streams.info(STREAM)).state.last_seq === 5);
  await bus.close();
  program.kill('SIGTERM');
  t.match(await program.exit, { code: 0 });
});

t.test('a stop while starting is a clean one', async (t) => {
  const early = start(t);
  await early.waitForLine(/Postgres {3}starting/);
  const stoppedFrom = Date.now();
  early.kill('SIGTERM');
  t.match(await early.exit, { code: 0 });
  t.ok(Date.now() - stoppedFrom < STOP_WITHIN_MS);
});

t.test('a command beside it finds the read models in their own database', async (t) => {
  const read = await createTestDatabase(t);
  const apart = { ...environment, READ_DATABASE_URL: read.url };
  const program = runProgram(t, ['start'], apart, { detached: true });
  await program.waitForLine(/hookfold runs\./, START_WITHIN_MS);
  t.equal(await send(6), 6);
  t.equal(await integrations(6), 6);
  const { stdout } = await runProgram(t, ['status', '--json'], environment).exit;
  const { projections } = JSON.parse(stdout);
  t.match(
    projections.find(({ name }: { name: string }) => name === 'integration'),
    { position: 6 },
    'those that were in the database of the log are at 5',
  );
  program.kill('SIGTERM');
  t.match(await program.exit, { code: 0 });
});

t.test('a port that is taken is named with its variable', async (t) => {
  const taken = createServer().listen(Number(environment.QUERY_PORT), '127.0.0.1');
  t.teardown(() => taken.close());
  const { code, stderr } = await runProgram(t, ['start'], environment).exit;
  t.equal(code, 1);
  t.match(stderr, `port ${environment.QUERY_PORT} of 127.0.0.1 is taken`);
  t.match(stderr, 'Set QUERY_PORT');
});
