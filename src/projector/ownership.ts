// Which units of work (a build's segments) this process folds. Leases share them out evenly among the processes that
// run the same code, and move them when one comes or goes; safety is the checkpoints' compare-and-set alone.
//
// Every beat: say that we live; renew what we hold; hold more than our share: give some back; less: take free ones.
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { isFree } from '../postgres/lease.js';
import { inTransaction } from '../postgres/transaction.js';

export interface Ownership {
  /** One beat over the units there are now. Answers the units held from now until `ttlMs` at the latest. */
  beat(units: readonly string[]): Promise<Set<string>>;
  /** Gives all units back, so that others take them at their next beat. */
  leave(): Promise<void>;
}

export interface OwnershipOptions {
  pool: pg.Pool;
  /** Processes of one group share the units; processes of other code are another group. */
  group: string;
  ttlMs: number;
}

/** Ownership of a new member of the group; it holds nothing until its first beat. */
export function createOwnership({ pool, group, ttlMs }: OwnershipOptions): Ownership {
  const owner = randomUUID();
  const ttl = `${ttlMs} milliseconds`;
  const memberPrefix = `projector:${group}:`;
  const member = memberPrefix + owner;

  async function beat(units: readonly string[]): Promise<Set<string>> {
    return inTransaction(pool, async (client) => {
      const members = await join(client);
      const held = await renew(client, units);
      const share = shareOf(units.length, members);
      if (held.length > share) await release(client, held.splice(share));
      else if (held.length < share) held.push(...(await take(client, units, share - held.length)));
      return new Set(held);
    });
  }

  /** Says that we live. Answers the names of all that do, in one order for everyone. */
  async function join(client: pg.ClientBase): Promise<string[]> {
    await client.query(
      `INSERT INTO hookfold.lease (name, owner, epoch, expires_at) VALUES ($1, $2, 1, now() + $3::interval)
       ON CONFLICT (name) DO UPDATE SET expires_at = EXCLUDED.expires_at`,
      [member, owner, ttl],
    );
    const { rows } = await client.query(
      `SELECT name FROM hookfold.lease l WHERE starts_with(name, $1) AND NOT ${isFree('l')}
       ORDER BY name COLLATE "C"`,
      [memberPrefix],
    );
    return rows.map(({ name }) => name);
  }

  // What does not divide evenly goes to the first in the order, so that shares differ by one at the most.
  function shareOf(units: number, members: readonly string[]): number {
    return Math.floor(units / members.length) + (members.indexOf(member) < units % members.length ? 1 : 0);
  }

  async function renew(client: pg.ClientBase, units: readonly string[]): Promise<string[]> {
    const { rows } = await client.query(
      `UPDATE hookfold.lease SET expires_at = now() + $3::interval
       WHERE owner = $1 AND name = ANY($2) AND expires_at > now() RETURNING name`,
      [owner, units, ttl],
    );
    return rows.map(({ name }) => name).sort();
  }

  // Units are taken one by one in an order of our own, so that two that start together do not wait for each other.
  async function take(client: pg.ClientBase, units: readonly string[], count: number): Promise<string[]> {
    const { rows } = await client.query(
      `INSERT INTO hookfold.lease (name, owner, epoch, expires_at)
       SELECT u.name, $1, 1, now() + $4::interval
       FROM unnest($2::text[]) AS u(name) LEFT JOIN hookfold.lease l USING (name)
       WHERE l.expires_at IS NULL OR ${isFree('l')} ORDER BY u.name LIMIT $3
       ON CONFLICT (name) DO UPDATE SET owner = EXCLUDED.owner, epoch = lease.epoch + 1,
         expires_at = EXCLUDED.expires_at WHERE ${isFree('lease')}
       RETURNING name`,
      [owner, units, count, ttl],
    );
    return rows.map(({ name }) => name);
  }

  async function release(client: pg.ClientBase, names: readonly string[]): Promise<void> {
    await client.query(
      `UPDATE hookfold.lease SET expires_at = '-infinity' WHERE owner = $1 AND name = ANY($2)`,
      [owner, names],
    );
  }

  async function leave(): Promise<void> {
    await pool.query(`UPDATE hookfold.lease SET expires_at = '-infinity' WHERE owner = $1`, [owner]);
    await pool.query(`DELETE FROM hookfold.lease l WHERE starts_with(name, $1) AND ${isFree('l')}`, [
      memberPrefix,
    ]);
  }

  return { beat, leave };
}
