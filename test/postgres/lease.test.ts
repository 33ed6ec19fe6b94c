import pino from 'pino';
import t from 'tap';
import { createPool } from '../../src/postgres/connect.js';
import { acquireLease, acquireLeaseOfSilent, releaseLease, renewLease } from '../../src/postgres/lease.js';
import { createLeaseHolder } from '../../src/postgres/lease-holder.js';
import { createOwnership } from '../../src/projector/ownership.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

const logger = pino({ level: 'silent' });

t.test('a lease has one owner, and its epoch rises with every acquisition', async (t) => {
  const { pool } = await createTestDatabase(t);
  const one = { name: 'work', owner: 'one', ttlMs: 5000 };
  const two = { ...one, owner: 'two' };
  t.same(await acquireLease(pool, one), { epoch: 1 });
  t.equal(await acquireLease(pool, two), undefined);
  t.equal(await renewLease(pool, { ...one, epoch: 1 }), true);
  t.equal(await renewLease(pool, { ...two, epoch: 1 }), false);
  await releaseLease(pool, { ...two, epoch: 1 });
  t.equal(await acquireLease(pool, two), undefined, 'only the owner can give it back');
  await releaseLease(pool, { ...one, epoch: 1 });
  t.same(await acquireLease(pool, two), { epoch: 2 });
  t.equal(await renewLease(pool, { ...one, epoch: 1 }), false);
  t.same(await acquireLease(pool, { ...one, name: 'other work' }), { epoch: 1 });
  await t.rejects(acquireLease(pool, { ...one, ttlMs: 10_001 }), RangeError);
});

t.test('of many that ask at once, one gets it', async (t) => {
  const { pool } = await createTestDatabase(t);
  const owners = Array.from({ length: 20 }, (_, index) => `owner ${index}`);
  const answers = await Promise.all(
    owners.map((owner) => acquireLease(pool, { name: 'work', owner, ttlMs: 5000 })),
  );
  t.same(answers.filter(Boolean), [{ epoch: 1 }]);
});

t.test('the lease of a holder that died is free after its time', async (t) => {
  const { pool } = await createTestDatabase(t);
  await acquireLease(pool, { name: 'work', owner: 'dead', ttlMs: 600 });
  const holder = createLeaseHolder({ pool, name: 'work', ttlMs: 600, logger });
  t.teardown(() => holder.stop());
  const started = performance.now();
  await holder.start();
  t.equal(holder.held(), false);
  await waitFor(() => holder.held());
  t.equal(holder.epoch(), 2);
  t.ok(performance.now() - started > 400, 'not before');
});

t.test(
  'who waits for a silent owner gets the lease at its expiry, and is told of an owner that lives',
  async (t) => {
    const { pool } = await createTestDatabase(t);
    const dead = { name: 'work', owner: 'dead', ttlMs: 800 };
    const next = { ...dead, owner: 'next', ttlMs: 5000 };
    await acquireLease(pool, dead);
    let waited = 0;
    t.same(await acquireLeaseOfSilent(pool, next, { onWait: () => waited++ }), { epoch: 2 });
    t.equal(waited, 1);

    const other = { ...next, owner: 'other' };
    const renewed = acquireLeaseOfSilent(pool, other, {
      onWait: () => void renewLease(pool, { ...next, epoch: 2 }),
    });
    t.equal(await renewed, undefined);
    const returned = acquireLeaseOfSilent(pool, other, {
      onWait: () => void releaseLease(pool, { ...next, epoch: 2 }),
    });
    t.equal(await returned, undefined, 'what another has just done is not done again');
    t.same(await acquireLeaseOfSilent(pool, other), { epoch: 3 });

    const stopping = new AbortController();
    const stopped = acquireLeaseOfSilent(pool, next, {
      signal: stopping.signal,
      onWait: () => stopping.abort(),
    });
    await t.rejects(stopped, { name: 'AbortError' });
  },
);

t.test('two holders never hold it at once, and the one takes over when the other stops', async (t) => {
  const { pool } = await createTestDatabase(t);
  const holders = [1, 2].map(() => createLeaseHolder({ pool, name: 'work', ttlMs: 300, logger }));
  t.teardown(() => Promise.all(holders.map((holder) => holder.stop())));
  let both = false;
  const watch = setInterval(() => {
    both ||= holders.every((holder) => holder.held());
  }, 1);
  t.teardown(() => clearInterval(watch));
  await Promise.all(holders.map((holder) => holder.start()));
  for (let round = 0; round < 4; round++) {
    const holding = holders.findIndex((holder) => holder.held());
    const other = holders[1 - holding]!;
    await holders[holding]!.stop();
    await waitFor(() => other.held());
    await holders[holding]!.start();
  }
  t.equal(both, false);
});

t.test('a holder cut off from the database knows of its loss before another can hold', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  const own = createPool(url, { max: 1 });
  t.teardown(() => own.end());
  let lost = 0;
  const holder = createLeaseHolder({ pool: own, name: 'work', ttlMs: 500, logger, onLost: () => lost++ });
  await holder.start();
  t.equal(holder.held(), true);
  const cutOff = await own.connect(); // Its only connection: no renewal gets through.
  await waitFor(() => acquireLease(pool, { name: 'work', owner: 'other', ttlMs: 1000 }), { everyMs: 5 });
  t.equal(holder.held(), false);
  t.equal(lost, 1);
  cutOff.release();
  await waitFor(() => holder.held());
  t.equal(holder.epoch(), 3, 'it comes back when the other is gone');
  await holder.stop();
});

t.test(
  'what a dead owner holds for longer than any lease lives is free: the clock was set back',
  async (t) => {
    const { pool } = await createTestDatabase(t);
    const dead = { name: 'work', owner: 'dead', ttlMs: 5000 };
    const hourAhead = "UPDATE hookfold.lease SET expires_at = now() + interval '1 hour'";
    await acquireLease(pool, dead);
    await pool.query(hourAhead);
    t.same(await acquireLease(pool, { ...dead, owner: 'next' }), { epoch: 2 });
    await pool.query(hourAhead);
    t.same(await acquireLeaseOfSilent(pool, { ...dead, owner: 'third' }), { epoch: 3 });

    const units = ['a', 'b'];
    const create = () => createOwnership({ pool, group: 'g', ttlMs: 5000 });
    await create().beat(units);
    await pool.query(hourAhead);
    const next = create();
    t.same([...(await next.beat(units))].sort(), units);
    await next.leave();
    const { rows } = await pool.query(
      "SELECT FROM hookfold.lease WHERE expires_at > '-infinity' AND name <> 'work'",
    );
    t.equal(rows.length, 0, 'what is given back is free by any clock');
  },
);
