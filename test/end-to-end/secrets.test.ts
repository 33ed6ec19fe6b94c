// A marked secret in every place of every route, and all output searched for it: logs, answers, metrics, the bus.
import { connect } from 'nats';
import pino from 'pino';
import { Registry } from 'prom-client';
import t from 'tap';
import { STREAM } from '../../src/bus/stream.js';
import { createIngestService } from '../../src/ingest/service.js';
import { addSource } from '../../src/log/source-change.js';
import { addKey } from '../../src/query/api-key.js';
import { createQueryService } from '../../src/query/service.js';
import { createRelayService } from '../../src/relay/relay-service.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

const MARK = `MARKED${'s'.repeat(37)}`;
const CREDENTIALS: Record<string, string>[] = [
  { authorization: `Bearer ${MARK}` },
  { authorization: `Basic ${Buffer.from(`x:${MARK}`).toString('base64')}` },
  { 'x-api-key': MARK },
  { cookie: MARK, 'x-secret': MARK },
];

function createLogCollector() {
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  return { logger, text: () => lines.join('') };
}

t.test('no route of the query role repeats a secret, and none is in its logs and metrics', async (t) => {
  const database = await createTestDatabase(t);
  const { logger, text } = createLogCollector();
  const configuration = { HOST: '127.0.0.1', QUERY_PORT: 0 } as never;
  const query = createQueryService({
    databaseUrl: database.url,
    readDatabaseUrl: database.url,
    configuration,
    logger,
  });
  await query.start();
  t.teardown(() => query.stop());
  const { key } = await addKey(database.pool, { name: 'real', admin: true });
  const { paths } = (await (await fetch(`${query.url()}/openapi.json`)).json()) as {
    paths: Record<string, unknown>;
  };
  let seen = '';
  for (const template of [...Object.keys(paths), '/docs', '/nowhere', '/healthz', '/readyz', '/metrics']) {
    if (template.endsWith('/live')) continue;
    const path = template.replaceAll(/\{(\w+)\}/g, '1');
    for (const headers of CREDENTIALS) seen += await read(`${query.url()}${path}`, headers);
    // With a key that holds: nothing of it may come back either.
    seen += await read(`${query.url()}${path}`, { authorization: `Bearer ${key}` });
    seen += await read(`${query.url()}${path}`, { 'x-api-key': key });
  }
  seen += await read(`${query.url()}/metrics`, {});
  t.ok(seen.length > 5000);
  for (const secret of [MARK, key]) t.notOk((seen + text()).includes(secret));
});

async function read(url: string, headers: Record<string, string>): Promise<string> {
  const answer = await fetch(url, { headers });
  return JSON.stringify([...answer.headers]) + (await answer.text());
}

t.test('what a sender authenticates with reaches neither the log nor the bus', async (t) => {
  const database = await createTestDatabase(t);
  const bus = await createTestBus(t);
  const { logger, text } = createLogCollector();
  const relay = createRelayService({
    databaseUrl: database.url,
    natsUrl: bus.url,
    logger,
    metrics: new Registry(),
  });
  const configuration = { HOST: '127.0.0.1', INGEST_PORT: 0 };
  const ingest = createIngestService({
    databaseUrl: database.url,
    configuration,
    logger,
    onAppended: relay.ring,
  });
  for (const service of [relay, ingest]) {
    await service.start();
    t.teardown(() => service.stop());
  }
  const { token } = await addSource(database.pool, 'munity', {});
  const url = `${ingest.url()}/webhooks/munity`;
  const body = '{"event":"webhook_test","payload":{"test":true}}';
  const post = (path: string, headers: Record<string, string>) =>
    fetch(url + path, { method: 'POST', body, headers });
  await waitFor(async () => (await post(`/${token}`, {})).status === 202, {
    what: 'the door to know the source',
  });
  for (const headers of CREDENTIALS) await post(`/${token}`, headers);
  await post('', { authorization: `Bearer ${token}` });
  const nats = await connect({ servers: bus.url });
  t.teardown(() => nats.close());
  const streams = await nats.jetstreamManager();
  const last = await waitFor(async () => {
    const { state } = await streams.streams.info(STREAM);
    const { rows } = await database.pool.query('SELECT position FROM log_head');
    return state.last_seq === rows[0].position ? state.last_seq : 0;
  });
  let seen = JSON.stringify((await database.pool.query('SELECT headers, body, source FROM event_log')).rows);
  for (let seq = 1; seq <= last; seq++) {
    const message = (await streams.streams.getMessage(STREAM, { seq }))!;
    const headers = message.header.keys().map((name) => [name, message.header.values(name)]);
    seen += message.subject + JSON.stringify(headers) + Buffer.from(message.data ?? '').toString();
  }
  for (const secret of [MARK, token!, Buffer.from(`x:${MARK}`).toString('base64')])
    t.notOk((seen + text()).includes(secret));
});
