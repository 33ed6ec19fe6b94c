import { readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findPostgresBinaries } from '../../src/embedded/postgres-binaries.js';
import { preparePostgresData } from '../../src/embedded/postgres-data.js';
import { chooseServerUser, findServerUser } from '../../src/embedded/server-user.js';
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

const ACCOUNTS = 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65533::/:/bin/false\npostgres:x:101:104::/:/bin/sh\n';

t.test('root runs Postgres as the account that the data belong to, where there are any', async (t) => {
  const postgres = { uid: 101, gid: 104 };
  const nobody = { uid: 65534, gid: 65533 };
  t.same(chooseServerUser(ACCOUNTS, undefined), postgres);
  t.same(chooseServerUser(ACCOUNTS, 101), postgres);
  t.same(chooseServerUser(ACCOUNTS, 65534), nobody, 'the account postgres was made later');
  t.same(chooseServerUser(ACCOUNTS, 0), postgres, 'never root');
  t.same(chooseServerUser(ACCOUNTS.replace('postgres', 'pg'), undefined), nobody);
  t.throws(() => chooseServerUser('root:x:0:0::/:/bin/sh\n', 0), /neither the user postgres nor nobody/);
});
