// What `hookfold verify` says, and how it ends.
import t from 'tap';
import { findProjection } from '../../projections/index.js';
import { createProgressLine } from '../../src/cli/progress-line.js';
import { findBuild, tableOf } from '../../src/read-models/build.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';

t.test('what was found of one read model is told, whatever becomes of the others', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  await fillLog(pool, fixtureBodies().slice(0, 300));
  const [resource, integration] = ['resource', 'integration'].map(findProjection);
  await fillReadModels({ log: pool }, { projections: [resource!, integration!] });
  const table = tableOf((await findBuild(pool, resource!, 'live'))!);
  const { rowCount } = await pool.query(`UPDATE ${table} SET update_count = 99`);
  const more = rowCount! - 20;
  t.ok(more > 0);
  const run = (...args: string[]) =>
    runProgram(t, ['verify', 'projections', 'resource', 'activity', 'integration', ...args], {
      DATABASE_URL: url,
    }).exit;
  const told = await run();
  t.match(told, { code: 1, stderr: /^activity: not verified: activity version \d+ has no live table yet/ });
  t.match(told.stdout, `resource: ${rowCount} keys checked, ${rowCount} DRIFTED`);
  t.match(told.stdout, `… and ${more} more\n`);
  t.match(told.stdout, /^integration: \d+ keys checked, no drift$/m);
  const json = await run('--json');
  t.equal(json.code, 1);
  t.match(JSON.parse(json.stdout), [
    { projection: 'resource', drifted: rowCount, more },
    { projection: 'activity', error: /no live table/ },
    { projection: 'integration', drifted: 0, more: 0 },
  ]);
});

t.test('a fault that was found ends verify with 1, read or not', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  await fillLog(pool, fixtureBodies().slice(0, 3));
  await pool.query('ALTER TABLE event_log_1 DISABLE TRIGGER ALL');
  await pool.query('DELETE FROM event_log_1 WHERE position = 2');
  const program = runProgram(t, ['verify', 'log'], { DATABASE_URL: url });
  program.child.stdout!.destroy();
  t.match(await program.exit, { code: 1, signal: null, stderr: '' });
});

t.test(
  'a progress line is written over, and gone before what is printed next; none but on a terminal',
  async (t) => {
    const written: string[] = [];
    const write = (text: string | Uint8Array) => written.push(String(text)) > 0;
    const line = createProgressLine({ isTTY: true, write });
    line.show('1000 keys checked');
    line.show('7 keys checked');
    line.clear();
    t.same(written.splice(0), ['\r1000 keys checked\x1b[K', '\r7 keys checked\x1b[K', '\r\x1b[K']);
    const elsewhere = createProgressLine({ isTTY: false, write });
    elsewhere.show('1000 keys checked');
    elsewhere.clear();
    t.same(written, []);
  },
);
