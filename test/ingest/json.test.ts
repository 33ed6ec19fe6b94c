import fc from 'fast-check';
import t from 'tap';
import { buildIngest, bytes, EVENT, exchange, head, statuses, type TestIngest } from './build-ingest.js';
import { NO_UTF8, NO_VALUES, VALUES } from './json-cases.js';

/** Sends a body as it is, and gives the status it was answered with. */
async function send(door: TestIngest, body: Buffer): Promise<number> {
  const request = Buffer.concat([bytes(head(door, `Content-Length: ${body.length}`)), body]);
  return statuses(await exchange(door.port, request))[0] ?? 0;
}

t.test('JSON is taken as RFC 8259 has it, to the letter', async (t) => {
  const door = await buildIngest(t);
  const around = (value: string) => Buffer.from(`{"event":"x","payload":{"v":${value}}}`);
  for (const value of VALUES) t.equal(await send(door, around(value)), 202, `value ${VALUES.indexOf(value)}`);
  for (const [index, value] of NO_VALUES.entries())
    t.equal(await send(door, around(value)), 400, `no value ${index}`);
  for (const hex of NO_UTF8) {
    const body = Buffer.concat([
      bytes('{"event":"x","payload":{"v":"'),
      Buffer.from(hex, 'hex'),
      bytes('"}}'),
    ]);
    t.equal(await send(door, body), 400, hex);
  }
  for (const encoding of ['utf16le', 'latin1'] as const)
    t.equal(await send(door, Buffer.from('{"event":"\u00e9","payload":{}}', encoding)), 400, encoding);
  t.same(
    await door.bodies(),
    VALUES.map((value) => around(value).toString()),
  );
});

t.test('any JSON value that is posted is in the log as it was posted', async (t) => {
  const door = await buildIngest(t);
  const property = fc.asyncProperty(
    fc.json({ maxDepth: 5 }),
    fc.string({ unit: 'binary' }),
    async (value, event) => {
      const body = `{"payload": {"v": ${value}}, "event": ${JSON.stringify(event)}}`;
      const response = await door.post(body);
      const { position } = (await response.json()) as { position: number };
      const { rows } = await door.pool.query('SELECT body::text FROM event_log WHERE position = $1', [
        position,
      ]);
      return response.status === 202 && rows[0].body === body;
    },
  );
  await t.resolves(fc.assert(property, { numRuns: 150 }));
});

t.test('any bytes at all are answered, never with a 5xx, and each is counted once', async (t) => {
  const door = await buildIngest(t);
  const mutated = fc
    .tuple(
      fc.constantFrom(EVENT, '{"event":"integration_installed","payload":{"id":"1"}}'),
      fc.array(fc.tuple(fc.nat(), fc.nat(255))),
    )
    .map(([text, changes]) => {
      const body = Buffer.from(text);
      for (const [at, byte] of changes) body[at % body.length] = byte;
      return body;
    });
  const anyBody = fc.oneof(
    mutated,
    fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
  );
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(anyBody, async (body) => {
      sent += 1;
      const { status } = await door.post(body as never);
      return status === 202 || (status >= 400 && status < 500);
    }),
    { numRuns: 300 },
  );
  const reasons = await door.pool.query('SELECT FROM rejected_webhook');
  const acknowledged = await door.metric('hookfold_ingest_acknowledged_total');
  t.equal(acknowledged + reasons.rows.length, sent);
  t.equal((await door.bodies()).length, acknowledged);

  const garbage = fc.asyncProperty(
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
    fc.boolean(),
    async (array, asRequest) => {
      const raw = Buffer.concat([bytes(asRequest ? head(door).slice(0, -2) : ''), Buffer.from(array)]);
      const codes = statuses(await exchange(door.port, raw, { halfClose: true }));
      return codes.every((code) => code < 500);
    },
  );
  await fc.assert(garbage, { numRuns: 150 });
  t.equal((await door.post(EVENT)).status, 202, 'it lives');
});
