import { readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findPostgresBinaries } from '../../src/embedded/postgres-binaries.js';
import { preparePostgresData } from '../../src/embedded/postgres-data.js';
import { findServerUser } from '../../src/embedded/server-user.js';
import { createTestHome } from '../support/test-home.js';

t.test('data that are not where their link points are missed, and not begun anew', async (t) => {
  const home = createTestHome(t);
  const elsewhere = join(home, 'not-mounted');
  symlinkSync(elsewhere, join(home, 'postgres'));
  writeFileSync(join(home, 'postgres-password'), 'of the data\n');
  const user = findServerUser();
  await t.rejects(preparePostgresData(home, findPostgresBinaries(home, user), user), {
    message: `in ${elsewhere}, where the link ${join(home, 'postgres')} points, and nothing is there`,
  });
  t.equal(readlinkSync(join(home, 'postgres')), elsewhere);
  t.equal(readFileSync(join(home, 'postgres-password'), 'utf8'), 'of the data\n');
  t.same(readdirSync(home).sort(), ['postgres', 'postgres-password']);
});
