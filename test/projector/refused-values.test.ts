// Projections that give values which their columns cannot take.
import t from 'tap';
import { activity } from '../../projections/activity/projection.js';
import type { AnyRow, EventProjection } from '../../projections/contract.js';
import { integration } from '../../projections/integration/projection.js';
import { retryParked } from '../../src/projector/parked.js';
import { rebuildIn } from '../rebuild/rebuilding.js';
import { createTestDatabase } from '../support/test-database.js';
import { appendBodies, assertFolded, foldToHead, parkedOf, readRows } from './projecting.js';

const body = (id: string, connector: string) =>
  JSON.stringify({
    workspace_id: 'w',
    customer_id: null,
    event: 'integration_installed',
    state: null,
    payload: { id, connector_type: connector, metadata: null },
  });

/** What is wrong with the row after an event of a connector; null: there is none. */
const WRONG: Record<string, [AnyRow | null, RegExp]> = {
  text: [{ connector_type: 7 }, /column connector_type: expected a text, found 7/],
  half: [{ connector_type: 'a\ud800' }, /column connector_type: expected a text, found 'a/],
  json: [{ metadata: {} }, /column metadata: expected JSON as text, found \{\}/],
  infinity: [{ install_count: Infinity }, /column install_count: .* integer, found Infinity/],
  nan: [{ install_count: Number.NaN }, /column install_count: .* integer, found NaN/],
  fraction: [{ install_count: 1.5 }, /column install_count: .* integer, found 1.5/],
  digits: [{ install_count: 'abc' }, /column install_count: .* integer, found 'abc'/],
  time: [{ installed_at: 'yesterday' }, /column installed_at: expected a time/],
  boolean: [{ installed: 'no' }, /column installed: expected true or false/],
  nothing: [null, /evolve answered null/],
};
const KINDS = Object.keys(WRONG);

/** Parts of keys that Postgres cannot have, by id. */
const ODD: Record<string, string> = {
  nul: '\0',
  number: 5 as unknown as string,
  high: '\ud800',
  low: '\ud801',
};

const evolve: typeof integration.evolve = (row, event) => {
  const next = integration.evolve(row, event);
  const wrong = WRONG[(event.payload as { connector_type: string }).connector_type];
  return wrong ? ((wrong[0] && { ...(next as object), ...wrong[0] }) as typeof next) : next;
};
const wrong = { ...integration, evolve } as unknown as EventProjection<never>;

// The wrong events are the last of their rows in the page: what a later one replaces is never written.
const BODIES = [
  ...[...KINDS, 'a', 'b'].map((id) => body(id, 'good')),
  ...[...KINDS].map((id) => body(id, id)),
  body('a', 'good'),
];
const FIRST_WRONG = KINDS.length + 3;

t.test(
  'an event that gives a value which its column cannot take is parked, and all others are right',
  async (t) => {
    const database = await createTestDatabase(t);
    const { pool } = database;
    const projections = [wrong, activity];
    await appendBodies(pool, BODIES);
    await foldToHead(database, { projections });
    const parked = await parkedOf(pool, projections);
    t.equal(parked.length, KINDS.length);
    for (const [index, { position, reason }] of parked.entries()) {
      t.equal(position, FIRST_WRONG + index);
      t.match(reason, WRONG[KINDS[index]!]![1]);
    }
    await assertFolded(t, pool, [activity]);
    const rows = [...(await readRows(pool, integration)).values()];
    const counts = rows.map((row) => `${row.integration_id} ${row.install_count}`);
    t.same(counts.sort(), [...KINDS.map((id) => `${id} 1`), 'a 2', 'b 1'].sort());

    const pools = { logPool: pool, readPool: pool };
    t.match(await retryParked(pools, projections), [{ folded: 0, parked: KINDS.length }]);
    t.match(await retryParked(pools, [integration]), [{ folded: KINDS.length, parked: 0 }]);
    await assertFolded(t, pool, [integration]);
  },
);

t.test('a rebuild parks it, too', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await appendBodies(pool, BODIES);
  await foldToHead(database, { projections: [wrong] });
  await rebuildIn(pool)([wrong]);
  t.equal((await parkedOf(pool, [wrong])).length, KINDS.length);
});

t.test(
  'an event whose key Postgres cannot have is recorded as unreadable, and all others are right',
  async (t) => {
    const database = await createTestDatabase(t);
    const { pool } = database;
    const key: typeof integration.key = (event) => {
      const [id] = integration.key(event) as [string];
      return [id in ODD ? ODD[id]! : id];
    };
    const odd = { ...integration, key } as unknown as EventProjection<never>;
    await appendBodies(
      pool,
      ['a', 'nul', 'b', 'number', 'nul', 'a', 'high', 'low', 'low'].map((id) => body(id, 'good')),
    );
    await foldToHead(database, { projections: [odd, activity] });
    const { rows } = await pool.query('SELECT position, reason FROM projector.unreadable ORDER BY position');
    t.same(
      rows.map(({ position }) => position),
      [2, 4, 5, 7, 8, 9],
    );
    for (const { reason } of rows) t.match(reason, /^its key is of no row that Postgres can have/);
    t.same([...(await readRows(pool, integration)).values()].map((row) => row.install_count).sort(), [1, 2]);
    await assertFolded(t, pool, [activity]);
  },
);

t.test('so is one whose key has a part that is no value of its column', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const key: typeof activity.key = (event) => {
    const [workspace, name, hour] = activity.key(event)!;
    return [workspace!, name!, event.position === 2 ? 'noon' : hour!];
  };
  await appendBodies(
    pool,
    ['a', 'b', 'c'].map((id) => body(id, 'good')),
  );
  await foldToHead(database, { projections: [{ ...activity, key }, integration] });
  const { rows } = await pool.query('SELECT position FROM projector.unreadable');
  t.same(rows, [{ position: 2 }]);
  t.match([...(await readRows(pool, activity)).values()], [{ count: 2 }]);
  await assertFolded(t, pool, [integration]);
});
