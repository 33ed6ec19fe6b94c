import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { Test } from 'tap';
import { createIngestService, type IngestServiceOptions } from '../../src/ingest/service.js';
import { addSource, type SourceOptions } from '../../src/log/source-change.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

/** The real door on a database of its own, and what a test does at it. */
export interface TestIngest {
  /** Where it listens, without a path. */
  origin: string;
  port: number;
  /** The path of the source that was made with it, token included. */
  path: string;
  token: string;
  pool: Awaited<ReturnType<typeof createTestDatabase>>['pool'];
  databaseUrl: string;
  service: ReturnType<typeof createIngestService>;
  /** Posts to a path (default: the source's own); never follows a redirect. */
  post(
    body: RequestInit['body'],
    init?: { path?: string; headers?: Record<string, string> },
  ): Promise<Response>;
  /** All lines that it logged. */
  logged(): string;
  /** A counter of `/metrics`, labels and all; 0 where it is not there. */
  metric(name: string): Promise<number>;
  /** The bodies in the log, in order, as text. */
  bodies(): Promise<string[]>;
}

type Options = Partial<IngestServiceOptions> & { source?: SourceOptions };

/** Starts it; it ends with the test. */
export async function buildIngest(t: Pick<Test, 'teardown'>, options: Options = {}): Promise<TestIngest> {
  const { pool, url: databaseUrl } = await createTestDatabase(t);
  const { token } = await addSource(pool, 'munity', options.source);
  let log = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      log += chunk;
      done();
    },
  });
  const registry = new Registry();
  const service = createIngestService({
    configuration: { HOST: '127.0.0.1', INGEST_PORT: 0 },
    databaseUrl,
    logger: pino({ level: 'trace' }, stream),
    metrics: registry,
    refreshMs: 50,
    ...options,
    // No test but that of a stop is to wait for its end.
    times: { drainMs: 1, ...options.times },
  });
  await service.start();
  t.teardown(() => service.stop());
  const origin = service.url();
  const path = `/webhooks/munity/${token}`;
  return {
    origin,
    port: Number(new URL(origin).port),
    path,
    token: token ?? '',
    pool,
    databaseUrl,
    service,
    post: (body, init = {}) =>
      fetch(origin + (init.path ?? path), {
        method: 'POST',
        body: body ?? null,
        redirect: 'manual',
        headers: init.headers ?? {},
      }),
    logged: () => log,
    async metric(name) {
      const line = (await registry.metrics()).split('\n').find((text) => text.startsWith(`${name} `));
      return Number(line?.slice(name.length + 1) ?? 0);
    },
    async bodies() {
      const { rows } = await pool.query('SELECT body::text FROM event_log ORDER BY position');
      return rows.map(({ body }) => body);
    },
  };
}

/** An event of the least form. */
export const EVENT = '{"event": "x", "payload": {}}';

/** Sends bytes over a socket of its own, and gives all that came back by the time the other side hung up. */
export function exchange(
  port: number,
  bytes: string | Buffer,
  options: { halfClose?: boolean } = {},
): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes);
      if (options.halfClose) socket.end();
    });
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

/** The status codes of all answers in what came back over a socket. */
export function statuses(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
    .map(([, status]) => Number(status))
    .filter((code) => code !== 100);
}

/** The head of a request to the door's own path, after which the connection is to be closed. */
export const head = (door: TestIngest, ...lines: string[]) =>
  `${[`POST ${door.path} HTTP/1.1`, 'Host: x', 'Connection: close', ...lines].join('\r\n')}\r\n\r\n`;

/** Text as bytes, a character each. */
export const bytes = (text: string) => Buffer.from(text, 'latin1');

/** Posts to a source that was just made, once the door knows it. */
export async function firstPost(
  door: TestIngest,
  path: string,
  headers: Record<string, string>,
): Promise<number> {
  return waitFor(async () => {
    const { status } = await door.post(EVENT, { path, headers });
    return status === 401 ? undefined : status;
  });
}
