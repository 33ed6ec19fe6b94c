import t from 'tap';
import type { RejectedReason } from '../../schemas/http-ingest.js';
import { keepRejected, walkRejected } from '../../src/log/rejected.js';
import { createTestDatabase } from '../support/test-database.js';

const rejected = (source: string, reason: RejectedReason = 'not_json') => ({
  source,
  reason,
  detail: '',
  delivery_id: null,
  headers: '{}',
  body: Buffer.from('x'),
  body_length: 1,
});

t.test('all that were rejected by now are walked through, oldest first, however many pages', async (t) => {
  const { pool } = await createTestDatabase(t);
  await keepRejected(pool, [
    ...Array.from({ length: 10 }, () => rejected('munity')),
    rejected('other'),
    rejected('munity', 'empty'),
  ]);
  await pool.query('UPDATE rejected_webhook SET released_at = now(), released_position = 1 WHERE id = 4');
  for (const pageRows of [1, 3, 9, 100]) {
    const seen: number[] = [];
    for await (const id of walkRejected(pool, { source: 'munity', reason: 'not_json' }, pageRows)) {
      if (seen.length === 0) await keepRejected(pool, [rejected('munity')]);
      seen.push(id);
    }
    t.same(seen, [1, 2, 3, 5, 6, 7, 8, 9, 10], `pages of ${pageRows}, without what came meanwhile`);
    await pool.query('DELETE FROM rejected_webhook WHERE id > 12');
  }
});
