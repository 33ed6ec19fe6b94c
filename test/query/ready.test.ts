import t from 'tap';
import { assertReady } from '../../src/query/ready.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { createTestDatabase } from '../support/test-database.js';

t.test('it is ready once every read model is built in its version', async (t) => {
  const { pool } = await createTestDatabase(t);
  const ready = () => assertReady({ log: pool, read: pool });
  await t.rejects(ready(), { message: /^not built yet: resource_v1, integration_v1, / });
  await fillReadModels({ log: pool });
  await ready();
  await pool.query("UPDATE projector.build SET state = 'retired' WHERE projection = 'activity'");
  await t.rejects(ready(), { message: /^not built yet: activity_v1; / });
});
