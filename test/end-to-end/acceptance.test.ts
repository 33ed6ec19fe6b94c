// The capture of real input, through the front door of `hookfold start`, and by `import` into an empty log: the read
// models must hold what expected.json says in every field that it names, over HTTP and in SQL.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import t, { type Test } from 'tap';
import { findFreePort } from '../../src/embedded/free-port.js';
import { type RunFile, readRunFile } from '../../src/embedded/run-file.js';
import { createPool } from '../../src/postgres/connect.js';
import { fixtureBodies } from '../support/fill-log.js';
import { runProgram } from '../support/run-program.js';
import { createTestHome } from '../support/test-home.js';
import { waitFor } from '../support/wait-for.js';

type Row = Record<string, unknown>;
const fixture = new URL('../fixtures/webhooks.ndjson', import.meta.url);
const { events, ...expected } = JSON.parse(
  readFileSync(new URL('../fixtures/expected.json', import.meta.url), 'utf8'),
) as { events: number } & Record<string, Row[]>;

interface Running {
  run: RunFile;
  webhookUrl: string;
  apiKey: string;
  environment: Record<string, string>;
  stop(): Promise<void>;
}

async function startAll(t: Test): Promise<Running> {
  const environment: Record<string, string> = { HOOKFOLD_DATA: createTestHome(t), LOG_LEVEL: 'warn' };
  for (const name of ['INGEST_PORT', 'QUERY_PORT']) environment[name] = String(await findFreePort());
  const program = runProgram(t, ['start'], environment, { detached: true });
  const [, webhookUrl] = await program.waitForLine(/webhook URL {3}(http\S+)/, 90_000);
  const [, apiKey] = await program.waitForLine(/API key {7}(hfk_\S+)/);
  await program.waitForLine(/stream HOOKFOLD/);
  const stop = async () => {
    process.kill(-program.pid, 'SIGINT');
    t.match(await program.exit, { code: 0 });
  };
  return {
    run: readRunFile(environment.HOOKFOLD_DATA!)!,
    webhookUrl: webhookUrl!,
    apiKey: apiKey!,
    environment,
    stop,
  };
}

interface Answer {
  status: number;
  position: number;
}

/**
 * Sends bodies over one connection, so that the order is theirs: `depth` requests, then their answers, and so on.
 */
async function postInOrder(address: string, bodies: readonly string[], depth: number): Promise<Answer[]> {
  const url = new URL(address);
  const socket = connect(Number(url.port), url.hostname).setEncoding('utf8').setNoDelay();
  const answers = readAnswers(socket);
  const all: Answer[] = [];
  for (let at = 0; at < bodies.length; at += depth) {
    const sent = bodies.slice(at, at + depth);
    socket.write(sent.map((body) => requestOf(url, body)).join(''));
    for (const _ of sent) all.push((await answers.next()).value!);
  }
  socket.destroy();
  return all;
}

function requestOf({ pathname, host }: URL, body: string): string {
  const length = Buffer.byteLength(body);
  return `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

async function* readAnswers(socket: Socket): AsyncGenerator<Answer, undefined> {
  let text = '';
  for await (const part of socket) {
    text += part;
    for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}')) {
      const [head, body] = text.slice(0, end + 1).split('\r\n\r\n');
      yield { status: Number(head!.split(' ')[1]), position: JSON.parse(body!).position };
      text = text.slice(end + 1);
    }
  }
}

async function* pages({ run, apiKey }: Running, path: string): AsyncGenerator<Row[]> {
  for (let cursor: string | null = ''; cursor !== null; ) {
    const url = `${run.queryUrl}${path}?limit=500&min_position=${events}&wait_ms=30000${cursor && `&cursor=${cursor}`}`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${apiKey}` } });
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
    const page = (await answer.json()) as { items: Row[]; next_cursor: string | null };
    yield page.items;
    cursor = page.next_cursor;
  }
}

async function read(running: Running, path: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const items of pages(running, path)) rows.push(...items);
  return rows;
}

const named = (row: Row, like: Row) => Object.fromEntries(Object.keys(like).map((name) => [name, row[name]]));
const KEYS: Record<string, string[]> = {
  resource: ['integration_id', 'type', 'resource_id'],
  integration: ['integration_id'],
  connection_state: ['workspace_id', 'state'],
  integration_health: ['integration_id'],
  import_completion: ['integration_id'],
  activity: ['workspace_id', 'event'],
};

function assertRows(t: Test, model: string, rows: readonly Row[]): void {
  const keyOf = (row: Row) => KEYS[model]!.map((name) => row[name]).join('|');
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  const wrong = expected[model]!.filter(
    (row) => !isDeepStrictEqual(named(byKey.get(keyOf(row)) ?? {}, row), row),
  );
  t.same(wrong, [], `${model}: every row is as expected`);
  t.equal(byKey.size, expected[model]!.length, `${model}: and there are no others`);
}

/** Activity is expected by workspace and event, its hours summed up. */
function summed(rows: readonly Row[]): Row[] {
  const sums = new Map<string, Row>();
  for (const { workspace_id, event, count } of rows) {
    const sum = sums.get(`${workspace_id}|${event}`) ?? { workspace_id, event, count: 0 };
    sums.set(`${workspace_id}|${event}`, { ...sum, count: (sum.count as number) + (count as number) });
  }
  return [...sums.values()];
}

async function assertOverHttp(t: Test, running: Running): Promise<void> {
  const integrations = await read(running, '/v1/integrations');
  const withId = (part: string) =>
    integrations.map((row) => ({ ...(row[part] as Row), integration_id: row.integration_id }));
  assertRows(t, 'integration', integrations);
  assertRows(t, 'integration_health', withId('health'));
  assertRows(t, 'import_completion', withId('import'));
  assertRows(t, 'resource', await read(running, '/v1/resources'));
  assertRows(t, 'activity', summed(await read(running, '/v1/activity')));
  for (const row of expected.connection_state!) {
    const url = `${running.run.queryUrl}/v1/connections/${row.state}?workspace_id=${row.workspace_id}`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${running.apiKey}` } });
    t.match(await answer.json(), row);
  }
}

async function assertInSql(t: Test, { run }: Running): Promise<void> {
  const pool = createPool(run.databaseUrl);
  try {
    for (const model of Object.keys(KEYS)) {
      const { rows } = await pool.query(`SELECT * FROM read_model.${model}`);
      assertRows(t, model, model === 'activity' ? summed(rows) : rows);
    }
    const bodies = await pool.query('SELECT body::text AS body FROM event_log ORDER BY position');
    t.ok(
      isDeepStrictEqual(
        bodies.rows.map(({ body }) => body),
        fixtureBodies(),
      ),
      'the log holds every line exactly',
    );
    t.same((await pool.query('SELECT * FROM read_model.incident_of_reading')).rows, []);
  } finally {
    await pool.end();
  }
}

async function verifyAll(t: Test, { environment }: Running): Promise<void> {
  for (const part of ['log', 'bus', 'projections']) {
    const verified = await runProgram(t, ['verify', part], environment).exit;
    t.equal(verified.code, 0, `verify ${part}: ${verified.stdout}${verified.stderr}`);
  }
}

t.test('the capture, line by line through the door', async (t) => {
  const running = await startAll(t);
  const bodies = fixtureBodies();
  const [alone, together] = [bodies.slice(0, 1000), bodies.slice(1000)];
  const answers = [
    ...(await postInOrder(running.webhookUrl, alone, 1)),
    ...(await postInOrder(running.webhookUrl, together, 32)),
  ];
  t.same(
    answers,
    bodies.map((_, index) => ({ status: 202, position: index + 1 })),
    'every line is acknowledged at its position',
  );
  t.equal(answers.length, events);
  await assertOverHttp(t, running);
  await assertInSql(t, running);
  await waitFor(
    async () =>
      (await runProgram(t, ['verify', 'bus', '--json'], running.environment).exit).stdout.includes(
        `"compared":${events}`,
      ),
    {
      what: 'the stream to hold every event',
    },
  );
  await verifyAll(t, running);
  await running.stop();
});

t.test('the capture by import into an empty log', async (t) => {
  const running = await startAll(t);
  const imported = await runProgram(t, ['import', fileURLToPath(fixture)], running.environment).exit;
  t.equal(imported.code, 0, imported.stderr);
  await assertOverHttp(t, running);
  await assertInSql(t, running);
  await running.stop();
});
