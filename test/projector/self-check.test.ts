// The projector checks itself on a small sample, all the time.
import type pg from 'pg';
import pino from 'pino';
import { Registry } from 'prom-client';
import t, { type Test } from 'tap';
import { findProjection } from '../../projections/index.js';
import { createPool } from '../../src/postgres/connect.js';
import { createSelfCheck } from '../../src/projector/verify/self-check.js';
import { findBuild, tableOf } from '../../src/read-models/build.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { updated } from '../support/query-webhooks.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { restore } from './restored-log.js';

const resource = findProjection('resource');

/** A self-check of `resource` that hardly rests, not yet started, and what it has counted. */
function createCheck(t: Test, pools: { logPool: pg.Pool; readPool: pg.Pool }) {
  const registry = new Registry();
  const check = createSelfCheck({
    ...{ ...pools, registry, everyMs: 1 },
    projections: [resource],
    logger: pino({ level: 'silent' }),
  });
  t.teardown(() => check.stop());
  const counted = async (what: string) =>
    Number(
      (await registry.metrics()).match(new RegExp(`hookfold_verify_${what}_total\\{.*\\} (\\d+)`))?.[1] ?? 0,
    );
  return { check, counted };
}

t.test('the projector checks itself all the time, and counts what it finds', async (t) => {
  const { pool } = await createTestDatabase(t);
  await fillLog(pool, fixtureBodies());
  await fillReadModels({ log: pool });
  const table = tableOf((await findBuild(pool, resource, 'live'))!);
  const { check, counted } = createCheck(t, { logPool: pool, readPool: pool });
  await check.start();
  await waitFor(async () => (await counted('checked')) > 5);
  t.equal(await counted('drifted'), 0);
  await pool.query(`UPDATE ${table} SET update_count = update_count + 1`);
  await waitFor(async () => (await counted('drifted')) > 0);
});

/** A pool that counts how often a connection of it was taken. */
function createCountedPool(t: Test, url: string) {
  const pool = createPool(url);
  let looks = 0;
  pool.on('acquire', () => void looks++);
  t.teardown(() => pool.end());
  return { pool, looks: () => looks };
}

t.test(
  'where a part of the log is detached the self-check passes over its keys, and goes on after',
  async (t) => {
    const { database, detach, attach } = await createPartitionedLog(t);
    const { pool, url } = database;
    await fillLog(pool, fixtureBodies().slice(0, 3 * SIZE));
    await fillReadModels({ log: pool });
    const read = createCountedPool(t, url);
    const { check, counted } = createCheck(t, { logPool: pool, readPool: read.pool });
    await detach(1);
    await check.start();
    await waitFor(async () => read.looks() > 30);
    t.equal((await counted('checked')) + (await counted('drifted')), 0);
    await attach(1);
    await waitFor(async () => (await counted('checked')) > 5);
    t.equal(await counted('drifted'), 0);
  },
);

t.test('rows of another log are not compared with this one, which ends before them', async (t) => {
  const { old, log, grow } = await restore(t);
  const read = createCountedPool(t, old.url);
  const { check, counted } = createCheck(t, { logPool: log.pool, readPool: read.pool });
  await check.start();
  await waitFor(async () => read.looks() > 30);
  await grow();
  await waitFor(async () => read.looks() > 60);
  t.equal((await counted('checked')) + (await counted('drifted')), 0);
});

t.test('it checks resources of an integration of many events, and finds a row that is gone', async (t) => {
  const { pool } = await createTestDatabase(t);
  await fillLog(
    pool,
    Array.from({ length: 6000 }, (_, n) => updated(`r${n % 30}`, n)),
  );
  await fillReadModels({ log: pool }, { projections: [resource] });
  const table = tableOf((await findBuild(pool, resource, 'live'))!);
  const { check, counted } = createCheck(t, { logPool: pool, readPool: pool });
  await check.start();
  await waitFor(async () => (await counted('checked')) > 5);
  t.equal(await counted('drifted'), 0);
  await pool.query(`DELETE FROM ${table} WHERE resource_id = 'r7'`);
  await waitFor(async () => (await counted('drifted')) > 0);
});

t.test('a stop does not wait until all events of a key are read', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  await fillLog(
    pool,
    Array.from({ length: 4500 }, (_, n) => updated('r', n)),
  );
  await fillReadModels({ log: pool }, { projections: [resource] });
  const log = createCountedPool(t, url);
  const { check, counted } = createCheck(t, { logPool: log.pool, readPool: pool });
  let stopped: Promise<void> | undefined;
  // By then it reads the events, in pages of 500.
  log.pool.on('acquire', () => {
    if (log.looks() === 7) stopped = check.stop();
  });
  await check.start();
  await waitFor(() => stopped !== undefined);
  await stopped;
  t.ok(log.looks() < 9, `it read ${log.looks()} times`);
  t.equal(await counted('checked'), 0);
});
