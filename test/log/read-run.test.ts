import { randomBytes } from 'node:crypto';
import t from 'tap';
import { readRun } from '../../src/log/read-run.js';
import { appendBodies } from '../relay/mirrored-log.js';
import { createTestDatabase } from '../support/test-database.js';

t.test('a run takes what fits, in order, and one event in any case', async (t) => {
  const { pool } = await createTestDatabase(t);
  const sizes = [10, 5000, 20, 400, 3000, 3000, 30, 9000, 10, 10, 10, 6000];
  await appendBodies(
    pool,
    sizes.map((size) =>
      JSON.stringify({ event: 'e', payload: { text: randomBytes(size / 2).toString('hex') } }),
    ),
  );
  const { rows } = await pool.query('SELECT pg_column_size(body) AS bytes FROM event_log ORDER BY position');
  const stored: number[] = rows.map(({ bytes }) => bytes);

  function expected(position: number, limits: { events: number; bytes: number }): number[] {
    const positions: number[] = [];
    let left = limits.bytes;
    for (let at = position + 1; at <= Math.min(position + limits.events, stored.length); at++) {
      left -= stored[at - 1]!;
      if (left < 0 && positions.length > 0) break;
      positions.push(at);
      if (left < 0) break;
    }
    return positions;
  }

  for (const bytes of [1, 500, 4000, 10_000, 1_000_000])
    for (const events of [1, 3, 100])
      for (let position = 0; position <= sizes.length; position++) {
        const run = await readRun(pool, position, { events, bytes });
        const found = run.map((event) => event.position);
        const wanted = expected(position, { events, bytes });
        if (!t.same(found, wanted, `after ${position}, ${events} events, ${bytes} bytes`)) return;
      }
});
