// Relays that share a lease, one that cannot look at it, and one whose log does not answer.
import { Registry } from 'prom-client';
import t from 'tap';
import { inTransaction } from '../../src/postgres/transaction.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendFixture, assertMirrored, startRelay } from './mirrored-log.js';

t.test('a relay that cannot look at its lease is no standby: it fails, says why, and goes on', async (t) => {
  const [{ pool, url }, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(pool, 5);
  await pool.query('REVOKE ALL ON hookfold.lease FROM CURRENT_USER');
  const relay = await startRelay(t, { databaseUrl: url, natsUrl: server.url });
  await waitFor(() => relay.status().state === 'failing');
  t.match(relay.status().error, 'permission denied for table lease');
  await pool.query('GRANT ALL ON hookfold.lease TO CURRENT_USER');
  await assertMirrored(t, pool, server.url, 5);
  const other = await startRelay(t, { databaseUrl: url, natsUrl: server.url });
  await waitFor(() => other.status().state !== 'disconnected');
  t.same(other.status(), { state: 'standby', position: 0 }, 'which is what one is while another relays');
});

t.test('a log that does not answer costs no metric but its own', async (t) => {
  const [{ pool, url }, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  const metrics = new Registry();
  const relay = await startRelay(t, { databaseUrl: url, natsUrl: server.url, metrics });
  await waitFor(() => relay.status().state === 'mirroring');
  await inTransaction(pool, async (client) => {
    await client.query('LOCK TABLE seal');
    let shown: string | undefined;
    void metrics.metrics().then((text) => {
      shown = text;
    });
    t.match(await waitFor(() => shown), 'hookfold_relay_state{state="mirroring"} 1');
  });
});

t.test('what the door of a relay that stands by has appended is published at its ring', async (t) => {
  const [{ pool, url }, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  const urls = { databaseUrl: url, natsUrl: server.url };
  const holder = await startRelay(t, { ...urls, pollMs: 60_000 });
  await waitFor(() => holder.status().state === 'mirroring');
  const other = await startRelay(t, urls);
  await waitFor(() => other.status().state === 'standby');
  await appendFixture(pool, 3);
  other.ring(3);
  await waitFor(() => holder.status().position === 3);
});
