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
export type Interpreter = (logged: FoldedEvent, reading: Reading) => Interpretation;

/** The interpreter of a projection. */
export function createInterpreter(projection: Projection): Interpreter {
  if (projection.reads === 'everything') return (logged) => concerns(projection, logged);
  const reads = new Set<string>(projection.reads);
  return (logged, reading) => {
    if (reading.kind === 'unknown' || !reads.has(logged.event)) return IGNORED;
    return reading.kind === 'unreadable' ? reading : concerns(projection, reading.event);
  };
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
