import { connect } from 'node:net';
import t from 'tap';
import { waitFor } from '../support/wait-for.js';
import { buildIngest, bytes, EVENT, exchange, head, statuses } from './build-ingest.js';

t.test('what is no HTTP, or could be read in two ways, is refused and its connection closed', async (t) => {
  const door = await buildIngest(t);
  const length = `Content-Length: ${EVENT.length}`;
  const chunked = 'Transfer-Encoding: chunked';
  const smuggled = `POST ${door.path} HTTP/1.1\r\nHost: x\r\n${length}\r\n\r\n${EVENT}`;
  const bad: Record<string, string> = {
    'no HTTP': 'hello\r\n\r\n',
    TLS: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'two lengths that differ': `${head(door, length, 'Content-Length: 5')}${EVENT}`,
    'a length that is a list': `${head(door, `${length}, 5`)}${EVENT}`,
    'a negative length': `${head(door, 'Content-Length: -1')}${EVENT}`,
    'a length with a sign': `${head(door, 'Content-Length: +5')}${EVENT}`,
    'a length in hex': `${head(door, 'Content-Length: 0x1d')}${EVENT}`,
    'a huge length': `${head(door, `Content-Length: ${'9'.repeat(30)}`)}${EVENT}`,
    'length and chunks': `${head(door, length, chunked)}0\r\n\r\n${smuggled}`,
    'chunks and length': `${head(door, chunked, 'Content-Length: 4')}0\r\n\r\n${smuggled}`,
    'an unknown coding last': `${head(door, 'Transfer-Encoding: chunked, identity')}${EVENT}`,
    'chunked twice': `${head(door, 'Transfer-Encoding: chunked, chunked')}0\r\n\r\n`,
    'a chunk size that is none': `${head(door, chunked)}zz\r\n${EVENT}\r\n0\r\n\r\n`,
    'a chunk size with a sign': `${head(door, chunked)}+1d\r\n${EVENT}\r\n0\r\n\r\n`,
    'a chunk longer than said': `${head(door, chunked)}5\r\n${EVENT}\r\n0\r\n\r\n`,
    'a space before the colon': `${head(door, 'Content-Length : 5')}${EVENT}`,
    'a folded header': `${head(door, 'X-A: b', ' c')}${EVENT}`,
    'a NUL in a header': `${head(door, 'X-A: \x00')}${EVENT}`,
    'no host': `POST ${door.path} HTTP/1.1\r\n${length}\r\nConnection: close\r\n\r\n${EVENT}`,
    'headers without end': head(door, `X-A: ${'a'.repeat(100_000)}`),
    'bare line feeds': `POST ${door.path} HTTP/1.1\nHost: x\n${length}\n\n${EVENT}`,
  };
  for (const [name, request] of Object.entries(bad)) {
    const codes = statuses(await exchange(door.port, bytes(request)));
    t.ok(codes.length === 1 && codes[0]! >= 400 && codes[0]! < 500, `${name}: ${codes}`);
  }
  t.same(await door.bodies(), []);
  t.same((await door.pool.query('SELECT FROM rejected_webhook')).rows.length, 0);
});

t.test('chunks, pipelining and 100-continue are understood', async (t) => {
  const door = await buildIngest(t);
  const half = EVENT.length >> 1;
  const chunks = [EVENT.slice(0, half), EVENT.slice(half)].map(
    (part) => `${part.length.toString(16)};ext=1\r\n${part}\r\n`,
  );
  const chunked = `${head(door, 'Transfer-Encoding: chunked')}${chunks.join('')}0\r\nX-Trailer: 1\r\n\r\n`;
  t.same(statuses(await exchange(door.port, chunked)), [202]);
  const one = `POST ${door.path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${EVENT.length}\r\n\r\n${EVENT}`;
  t.same(statuses(await exchange(door.port, `${one}${one}${chunked}`)), [202, 202, 202]);
  const expecting = head(door, `Content-Length: ${EVENT.length}`, 'Expect: 100-continue');
  t.same(statuses(await exchange(door.port, expecting + EVENT)), [202]);
  t.same(
    statuses(
      await exchange(door.port, one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), {
        halfClose: true,
      }),
    ),
    [202],
  );
});

t.test('senders that stall are cut off, and those that vanish leave nothing behind', async (t) => {
  const times = { headersTimeoutMs: 300, requestTimeoutMs: 600, keepAliveTimeoutMs: 300, checkEveryMs: 50 };
  const door = await buildIngest(t, { times });
  const stalled = [
    '',
    'POST /webhooks',
    `POST ${door.path} HTTP/1.1\r\nHost: x\r\n`,
    head(door, 'Content-Length: 1000') + EVENT,
    `${head(door, 'Transfer-Encoding: chunked')}ff\r\n${EVENT}`,
  ];
  const answers = await Promise.all(stalled.map((request) => exchange(door.port, request)));
  for (const answer of answers.slice(1)) t.same(statuses(answer), [408]);
  const idle = exchange(door.port, `POST ${door.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`);
  t.same(statuses(await idle), [400], 'an idle connection is closed');

  const vanishing = connect(door.port, '127.0.0.1');
  vanishing.write(`${head(door, 'Content-Length: 100000')}${'a'.repeat(50_000)}`);
  await waitFor(async () => (await door.metric('hookfold_ingest_in_flight_bytes')) > 50_000);
  vanishing.destroy();
  await waitFor(async () => (await door.metric('hookfold_ingest_in_flight_bytes')) === 0);
  await waitFor(async () => (await door.metric('hookfold_ingest_gone_total')) === 3);
  t.same(await door.bodies(), []);
});
