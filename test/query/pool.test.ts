// Connections of the query role that a pooler lends to others.
import t from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { createQueryPool } from '../../src/query/service.js';
import { newEvent } from '../support/fill-log.js';
import { createTestDatabase } from '../support/test-database.js';

t.test('what query sets on a connection does not keep a door from appending on it', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createQueryPool(url);
  t.teardown(() => pool.end());
  const appended = await appendEvents(pool, [newEvent({ event: 'e', payload: {} })]);
  t.match(appended, [{ position: 1 }]);
});
