// A read model that the code has no more.
import t from 'tap';
import { activity } from '../../projections/activity/projection.js';
import { startProjector } from '../projector/projecting.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { rebuildIn } from './rebuilding.js';

const removed = { ...activity, name: 'removed' };

t.test('it is dropped with all its tables and views, and nothing else', async (t) => {
  const database = await createTestDatabase(t);
  const { pool, url } = database;
  await fillLog(pool, fixtureBodies().slice(0, 100));
  await fillReadModels({ log: pool }, { projections: [activity, removed] });
  await rebuildIn(pool)([removed]);
  await rebuildIn(pool)([{ ...removed, version: 2 }]);
  await rebuildIn(pool)([removed], { dryRun: true });
  const relations = async () => {
    const { rows } = await pool.query(
      `SELECT relname FROM pg_class WHERE relnamespace = 'read_model'::regnamespace AND relkind IN ('r', 'v')`,
    );
    return rows.map(({ relname }) => relname as string);
  };
  const others = (await relations()).filter((name) => !name.startsWith('removed'));
  const drop = (...args: string[]) =>
    runProgram(t, ['rebuild', '--drop', ...args], { DATABASE_URL: url }).exit;

  t.match(await drop('removed'), { code: 1, stderr: /nothing was dropped.*--yes/ });
  t.match(await drop('activity', '--yes'), { code: 1, stderr: /activity is a read model of this code/ });
  t.match(await drop('remove', '--yes'), { code: 1, stderr: /no read model is named "remove"/ });

  const projector = await startProjector(t, database, { projections: [removed] });
  const isFollowed = async () =>
    (await pool.query(`SELECT FROM hookfold.lease WHERE name ~ '^build:' AND expires_at > now()`)).rowCount;
  await waitFor(isFollowed);
  t.match(await drop('removed', '--yes'), { code: 1, stderr: /removed is followed by a projector/ });
  await projector.stop();

  await pool.query('CREATE VIEW mine AS SELECT * FROM read_model.removed');
  t.match(await drop('removed', '--yes'), { code: 1, stderr: /depend/ });
  await pool.query('DROP VIEW mine');

  t.match(await drop('removed', '--yes'), { code: 0, stdout: /^(dropped removed_v[12]_\d+\n){3}$/ });
  t.same((await relations()).sort(), others.sort());
  for (const table of ['build', 'served'])
    t.same((await pool.query(`SELECT DISTINCT projection FROM projector.${table}`)).rows, [
      { projection: 'activity' },
    ]);
});
