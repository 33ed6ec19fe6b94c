// What a rebuild that nobody has asked for leaves to people: to undo a rollback, and to serve a version that seems to have a
// fault. It throws, with what to do; what it has built is kept for whoever does it.
import type pg from 'pg';
import type { Build, findServed } from '../../read-models/build.js';
import { countParked } from './count-parked.js';
import { findDiscardedKeys } from './discarded-keys.js';

/** A rebuild by itself is not swapped in until somebody decides on it. */
export class LeftToPeople extends Error {
  readonly code = 'HOOKFOLD_LEFT_TO_PEOPLE';
}

/** Throws where what is served was taken back to by hand. */
export function assertNotPinned(building: Build, served: Awaited<ReturnType<typeof findServed>>): void {
  if (!served?.pinned) return;
  const { projection, version } = building;
  throw new LeftToPeople(
    `${projection} was taken back to version ${served.version} by hand: version ${version} is not swapped in. ` +
      `Once it is wanted: hookfold rebuild ${projection}`,
  );
}

/**
 * Throws where more is parked in the new table than in the one before, of the events up to a position. What was discarded of
 * the version before, and what waits behind it, is no more: it has no fault that the one before had not.
 */
export async function assertParksNoMore(
  client: pg.ClientBase,
  logPool: pg.Pool,
  live: Build,
  building: Build,
  upTo: number,
): Promise<void> {
  const discarded = await findDiscardedKeys(client, logPool, building, live.version);
  const { before, after } = await countParked(client, live, building, upTo, discarded);
  if (after <= before) return;
  const { projection, version } = building;
  const first = await client.query(
    `SELECT position, reason FROM projector.parked p WHERE build_id = $2 AND key_id <> ALL ($3) AND NOT EXISTS (
       SELECT FROM projector.parked b WHERE b.build_id = $1 AND b.position = p.position)
     ORDER BY position LIMIT 1`,
    [live.build_id, building.build_id, discarded],
  );
  const { position, reason } = first.rows[0];
  throw new LeftToPeople(
    `version ${version} of ${projection} parks ${after} events, version ${live.version} ${before} of the same: it is not ` +
      `swapped in. The first is at position ${position}: ${reason}. Mend the projection, or have it served all the same: ` +
      `hookfold rebuild ${projection}`,
  );
}
