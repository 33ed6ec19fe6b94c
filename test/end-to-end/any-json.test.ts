// Whatever JSON is posted comes back equal: from the log, the bus and the query API.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { connect } from 'nats';
import pino from 'pino';
import { Registry } from 'prom-client';
import t from 'tap';
import { STREAM } from '../../src/bus/stream.js';
import { createIngestService } from '../../src/ingest/service.js';
import { addSource } from '../../src/log/source-change.js';
import { createProjectorService } from '../../src/projector/service.js';
import { addKey } from '../../src/query/api-key.js';
import { createQueryService } from '../../src/query/service.js';
import { createRelayService } from '../../src/relay/relay-service.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

const WORKSPACE = '7d0c7a8e-5a0e-4a55-9d3b-0c7b6a3f9f11';
const INTEGRATION = '0b9c1f2e-7c1d-4b8e-a5d7-000000000001';

// Keys and strings of any UTF-16, lone surrogates and NUL among them; names that trip objects up; nesting.
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom('__proto__', '\0', '\ud800', '', 'ÿ\u2028'),
);
const anyJson = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.jsonValue(),
    anyText,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(anyText, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;

t.test('any JSON value that is posted comes back equal from log, bus and query', async (t) => {
  const database = await createTestDatabase(t);
  const bus = await createTestBus(t);
  const logger = pino({ level: 'silent' });
  const configuration = { HOST: '127.0.0.1', INGEST_PORT: 0, QUERY_PORT: 0, PROJECTOR_PORT: 0 } as never;
  const urls = {
    databaseUrl: database.url,
    readDatabaseUrl: database.url,
    natsUrl: bus.url,
    configuration,
    logger,
  };
  const relay = createRelayService({ ...urls, metrics: new Registry() });
  const ingest = createIngestService({ ...urls, onAppended: relay.ring });
  const query = createQueryService(urls);
  for (const service of [relay, ingest, createProjectorService(urls), query]) {
    await service.start();
    t.teardown(() => service.stop());
  }
  const { token } = await addSource(database.pool, 'munity', {});
  const { key } = await addKey(database.pool, { name: 'test', admin: true });
  const nats = await connect({ servers: bus.url });
  t.teardown(() => nats.close());
  const streams = await nats.jetstreamManager();
  let resources = 0;

  async function post(text: string): Promise<number> {
    const answer = await fetch(`${ingest.url()}/webhooks/munity/${token}`, { method: 'POST', body: text });
    const { position } = (await answer.json()) as { position: number };
    assert.equal(answer.status, 202);
    return position;
  }
  await waitFor(
    () =>
      post('{"event":"of_tomorrow","payload":{}}').then(
        () => true,
        () => false,
      ),
    { what: 'the door to know the source' },
  );

  const check = fc.asyncProperty(fc.array(anyJson, { minLength: 8, maxLength: 25 }), async (values) => {
    for (const data of values) {
      const resource_id = `r${++resources}`;
      const payload = { id: INTEGRATION, resource_id, type: 't', diff: data, data };
      const body = JSON.stringify({
        workspace_id: WORKSPACE,
        event: 'integration_updated_data_model',
        payload,
      });
      const position = await post(body);
      const { rows } = await database.pool.query(
        'SELECT body::text AS body FROM event_log WHERE position = $1',
        [position],
      );
      assert.equal(rows[0].body, body, 'the log');

      const path = `/v1/resources/${INTEGRATION}/t/${resource_id}?min_position=${position}&wait_ms=20000`;
      const answer = await fetch(query.url() + path, { headers: { authorization: `Bearer ${key}` } });
      const row = (await answer.json()) as { data: unknown; last_diff: unknown };
      const posted = JSON.parse(body).payload.data;
      assert.deepEqual([row.data, row.last_diff], [posted, posted], 'the query API');

      const message = await waitFor(
        () => streams.streams.getMessage(STREAM, { seq: position }).catch(() => undefined),
        { what: 'the message' },
      );
      assert.equal(Buffer.from(message!.data).toString(), body, 'the bus');
    }
  });
  await fc.assert(check, { numRuns: 8 });
  t.ok(resources > 8, `${resources} values`);
});
