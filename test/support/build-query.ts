import pino from 'pino';
import { Registry } from 'prom-client';
import type { Test } from 'tap';
import type { Server } from '../../src/http/server.js';
import { readHead } from '../../src/log/read-log.js';
import { addKey } from '../../src/query/api-key.js';
import { createQueryApp, type QueryAppOptions } from '../../src/query/app.js';
import { createKeyRing } from '../../src/query/key-ring.js';
import { createPositionWatch, readModelPositions } from '../../src/query/positions.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';

/** The query API on a database of its own, and an admin's key to it. */
export interface TestQuery {
  app: Server;
  database: TestDatabase;
  /** GET as the admin, or with another key; `json` is the parsed answer. */
  get(url: string, key?: string): Promise<Answer>;
  addKey(name: string, workspaces: string[]): Promise<string>;
}

export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the test finds out
  json: any;
  position: number;
}

/** Builds the app on a database, by default a new one; the app goes with the test. */
export async function buildQuery(
  t: Pick<Test, 'teardown'>,
  on?: TestDatabase,
  options: Pick<QueryAppOptions, 'windowEvents' | 'beatMs'> = {},
): Promise<TestQuery> {
  const database = on ?? (await createTestDatabase(t));
  const { pool } = database;
  const app = await createQueryApp({
    logger: pino({ level: process.env.QUERY_LOG ?? 'silent' }),
    metrics: new Registry(),
    ready: async () => {},
    keys: createKeyRing(pool),
    log: pool,
    read: pool,
    models: createPositionWatch(() => readModelPositions(pool)),
    head: createPositionWatch(async () => new Map([['log', [await readHead(pool)]]])),
    ...options,
  });
  t.teardown(() => app.close());
  const admin = await addKey(pool, { name: 'admin', admin: true });
  return {
    app,
    database,
    addKey: async (name, workspaces) => (await addKey(pool, { name, workspaces })).key,
    get: async (url, key = admin.key) => {
      const response = await app.inject({
        url,
        headers: key === '' ? {} : { authorization: `Bearer ${key}` },
      });
      const type = String(response.headers['content-type']);
      return {
        status: response.statusCode,
        headers: response.headers,
        text: response.body,
        json: /json/.test(type) ? response.json() : undefined,
        position: Number(response.headers['hookfold-position']),
      };
    },
  };
}
