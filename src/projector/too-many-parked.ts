import type { Follower } from './follower.js';

/** So many keys are held in memory of which an event is parked. */
export const MOST_PARKED_KEYS = 100_000;

/** A build has parked so many keys that the projection is at fault, not its events: their ids would fill the memory. */
export class TooManyParked extends Error {
  readonly code = 'HOOKFOLD_TOO_MANY_PARKED';
  constructor(
    readonly projection: string,
    readonly version: number,
    readonly most: number,
    isLive: boolean,
  ) {
    super(
      `version ${version} of ${projection} has parked events of more than ${most} keys, and is not folded further. ` +
        `projector.parked has the reasons. Mend the projection, and then: ` +
        (isLive
          ? 'hookfold parked retry'
          : `hookfold rebuild ${projection}, which begins what other code has built anew`),
    );
  }
}

/** Throws TooManyParked where a follower has parked more keys than are held. */
export function assertFewParked({ projection, build, parkedKeys }: Follower, most = MOST_PARKED_KEYS): void {
  if (parkedKeys.size > most)
    throw new TooManyParked(projection.name, projection.version, most, build.state === 'live');
}
