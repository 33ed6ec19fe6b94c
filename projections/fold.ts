// The fold in memory: events in, rows out. What the projector writes to Postgres, tests, verification and time
// travel compute here, by the same `evolve`.
import type { LoggedEvent } from '../schemas/logged-event.js';
import type { AnyRow, Key, Projection } from './contract.js';
import { interpret } from './interpret.js';
import { keyId } from './key.js';
import { readEvent } from './read-event.js';

export { keyId, keyOfRow } from './key.js';

export interface UnreadableEvent {
  position: number;
  event: string;
  reason: string;
}

export interface ParkedEvent {
  position: number;
  key: Key;
  /** What `evolve` threw; undefined for an event that waits behind another of its key. */
  error?: unknown;
}

export interface Folded {
  /** The rows by `keyId`, in the order in which they came to be. */
  rows: Map<string, AnyRow>;
  unreadable: UnreadableEvent[];
  /** Events that `evolve` threw on, and the later ones of their keys. */
  parked: ParkedEvent[];
}

/**
 * Folds events, in the order given, into the rows of one projection, onto the rows of `from` (default: none), which
 * stays as it was. Pure and deterministic.
 */
export function foldEvents(
  projection: Projection,
  events: Iterable<LoggedEvent>,
  from?: ReadonlyMap<string, AnyRow>,
): Folded {
  const folded: Folded = { rows: new Map(from), unreadable: [], parked: [] };
  const blocked = new Set<string>();
  for (const logged of events) {
    const meaning = interpret(projection, logged, readEvent(logged));
    if (meaning.kind === 'unreadable')
      folded.unreadable.push({ position: logged.position, event: logged.event, reason: meaning.reason });
    else if (meaning.kind === 'concerns') foldOne(projection, meaning, folded, blocked);
  }
  return folded;
}

type Concern = Extract<ReturnType<typeof interpret>, { kind: 'concerns' }>;

function foldOne(
  projection: Projection,
  { key, event }: Concern,
  folded: Folded,
  blocked: Set<string>,
): void {
  const id = keyId(key);
  if (blocked.has(id)) {
    folded.parked.push({ position: event.position, key });
    return;
  }
  try {
    // biome-ignore lint/suspicious/noExplicitAny: `interpret` gives each projection the form of event it reads
    const row = projection.evolve(folded.rows.get(id), event as any);
    if (row === undefined) folded.rows.delete(id);
    else folded.rows.set(id, row);
  } catch (error) {
    blocked.add(id);
    folded.parked.push({ position: event.position, key, error });
  }
}
