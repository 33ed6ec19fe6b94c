// What the first start made is kept in its home; each database has a source and a key of its own.
import t from 'tap';
import { ensureAccess, readAccess } from '../../src/cli/start/access.js';
import { revokeSource, rotateSource } from '../../src/log/source-change.js';
import { listKeys, revokeKey } from '../../src/query/api-key.js';
import { buildIngest, EVENT } from '../ingest/build-ingest.js';
import { createTestDatabase } from '../support/test-database.js';
import { createTestHome } from '../support/test-home.js';

t.test(
  'a home that is started on another database gets access there, and has the old one again',
  async (t) => {
    const [one, two] = await Promise.all([createTestDatabase(t), createTestDatabase(t)]);
    const home = createTestHome(t);
    const first = await ensureAccess(home, one.url);
    t.match(first, { isNew: true, token: String, key: String });
    t.same(await ensureAccess(home, one.url), { ...first, isNew: false });

    const second = await ensureAccess(home, two.url);
    t.equal(second.isNew, true);
    t.not(second.token, first.token);
    t.same(readAccess(home), { ...second, isNew: false }, 'what is shown is that of the last start');
    const door = await buildIngest(t, { databaseUrl: two.url });
    const { status } = await door.post(EVENT, { path: `/webhooks/munity/${second.token}` });
    t.equal(status, 202);
    t.equal((await listKeys(two.pool)).length, 1);

    t.same(await ensureAccess(home, one.url), { ...first, isNew: false });
    t.same(await ensureAccess(home, two.url), { ...second, isNew: false });
    t.equal((await listKeys(one.pool)).length, 1);
  },
);

t.test('what was rotated or revoked is not shown any more, and nothing is made in its place', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  const home = createTestHome(t);
  const { key } = await ensureAccess(home, url);
  await rotateSource(pool, 'munity', { overlapSeconds: 0 });
  t.same(await ensureAccess(home, url), { isNew: false, key });
  await revokeSource(pool, 'munity');
  await revokeKey(pool, 'first');
  for (let start = 1; start <= 2; start++) t.same(await ensureAccess(home, url), { isNew: false });
  t.same(readAccess(home), { isNew: false });
  t.equal((await listKeys(pool)).length, 1);
});
