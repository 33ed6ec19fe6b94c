// What a logged event means to a projection. An event is read once (`readEvent`), then interpreted for each.

import type { FoldedEvent } from '../schemas/logged-event.js';
import type { Key, Projection } from './contract.js';
import type { KnownEvent, Reading } from './read-event.js';

export type Interpretation =
  | { kind: 'concerns'; key: Key; event: KnownEvent | FoldedEvent }
  | { kind: 'unreadable'; reason: string }
  | { kind: 'ignored' };

const IGNORED: Interpretation = { kind: 'ignored' };

/**
 * The row that an event concerns, with what `evolve` takes; or why the projection cannot read it; or that it has
 * nothing to do with it. `reading` is what `readEvent` made of `logged`. Never throws.
 */
export function interpret(projection: Projection, logged: FoldedEvent, reading: Reading): Interpretation {
  if (projection.reads === 'everything') return concerns(projection, logged);
  if (reading.kind === 'unknown') return IGNORED;
  if (!(projection.reads as readonly string[]).includes(logged.event)) return IGNORED;
  if (reading.kind === 'unreadable') return reading;
  return concerns(projection, reading.event);
}

// An event whose key cannot be told has no row to be parked behind.
function concerns(projection: Projection, event: KnownEvent | FoldedEvent): Interpretation {
  try {
    // biome-ignore lint/suspicious/noExplicitAny: the caller gives each projection the form of event it reads
    const key = projection.key(event as any);
    return key === undefined ? IGNORED : { kind: 'concerns', key, event };
  } catch (error) {
    return { kind: 'unreadable', reason: error instanceof Error ? error.message : String(error) };
  }
}
