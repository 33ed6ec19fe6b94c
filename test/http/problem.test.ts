// What is answered and logged of errors.
import pino from 'pino';
import { Registry } from 'prom-client';
import t from 'tap';
import { unavailable } from '../../src/http/problem.js';
import { createServer } from '../../src/http/server.js';

t.test('what a caller is told in the ordinary course is no error of the log', async (t) => {
  const lines: { level: number; msg: string }[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const app = createServer({ logger, metrics: new Registry(), ready: async () => {} });
  t.teardown(() => app.close());
  app.get('/told', async () => {
    throw unavailable('stopping', 'this process stops');
  });
  app.get('/failed', async () => {
    throw unavailable('unavailable', 'no answer', 2, new Error('the cause'));
  });
  app.get('/broken', async () => {
    throw new Error('a fault');
  });
  for (const url of ['/told', '/failed', '/broken']) t.equal((await app.inject(url)).statusCode, 503);
  t.match(lines, [
    { level: 50, err: { message: 'the cause' } },
    { level: 50, err: { message: 'a fault' } },
  ]);
  t.equal(lines.length, 2);
});
