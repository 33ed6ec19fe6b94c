import t from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { newEvent } from '../support/fill-log.js';
import { createTestDatabase } from '../support/test-database.js';

const event = (name: string) => newEvent({ event: name, payload: {} });

t.test('who goes silent between its append and its commit holds the others up no longer', async (t) => {
  const { pool } = await createTestDatabase(t);
  const silent = await pool.connect();
  await silent.query('BEGIN');
  await appendEvents(silent, [event('a')]);
  const client = await pool.connect();
  t.teardown(() => client.release());
  await client.query("SET lock_timeout = '20s'");
  t.match(await appendEvents(client, [event('b')]), [{ position: 1 }]);
  await t.rejects(silent.query('COMMIT'), 'its session was ended');
  silent.release(true);

  const timeout = async () => {
    const { rows } = await client.query('SHOW idle_in_transaction_session_timeout');
    return rows[0].idle_in_transaction_session_timeout;
  };
  for (const [own, within] of [
    ['0', '5s'],
    ['1min', '5s'],
    ['500ms', '500ms'],
  ]) {
    await client.query(`SET idle_in_transaction_session_timeout = '${own}'; BEGIN`);
    await appendEvents(client, [event('c')]);
    t.equal(await timeout(), within, `${own} is bounded, and what is shorter is left`);
    await client.query('COMMIT');
    t.equal(await timeout(), own, 'for the transaction alone');
  }
});
