// The fold in memory: events in, rows out. What the projector writes to Postgres, tests, verification and time
// travel compute here, by the same step.
import type { FoldedEvent } from '../schemas/logged-event.js';
import type { AnyRow, Key, Projection } from './contract.js';
import { evolveRow } from './evolve-row.js';
import { createInterpreter, type Interpretation } from './interpret.js';
import { keyId } from './key.js';
import { type Reading, readEvent } from './read-event.js';

export { keyId, keyOfRow } from './key.js';

export interface UnreadableEvent {
  position: number;
  event: string;
  reason: string;
}

export interface ParkedEvent {
  position: number;
  key: Key;
  /** What `evolveRow` threw; undefined for an event that waits behind another of its key. */
  error?: unknown;
}

export interface Folded {
  /** The rows by `keyId`, in the order in which they came to be. */
  rows: Map<string, AnyRow>;
  unreadable: UnreadableEvent[];
  /** Events that `evolveRow` threw on, and the later ones of their keys. */
  parked: ParkedEvent[];
}

/** What an event did to a row: rows are never changed, so both can be kept. */
export interface Change {
  id: string;
  key: Key;
  before: AnyRow | undefined;
  after: AnyRow | undefined;
}

/** A fold that goes on as events come. */
export interface Fold {
  folded: Folded;
  /** Folds the next event; `reading` is what `readEvent` made of it. Undefined where it concerns no row. */
  add(event: FoldedEvent, reading: Reading): Change | undefined;
}

/** A fold of one projection that begins with the rows of `from` (default: none), which stay as they were. */
export function createFold(projection: Projection, from?: ReadonlyMap<string, AnyRow>): Fold {
  const folded: Folded = { rows: new Map(from), unreadable: [], parked: [] };
  const blocked = new Set<string>();
  const interpret = createInterpreter(projection);

  function add(logged: FoldedEvent, reading: Reading): Change | undefined {
    const meaning = interpret(logged, reading);
    if (meaning.kind === 'unreadable')
      folded.unreadable.push({ position: logged.position, event: logged.event, reason: meaning.reason });
    return meaning.kind === 'concerns' ? foldOne(projection, meaning, folded, blocked) : undefined;
  }
  return { folded, add };
}

/**
 * Folds events, in the order given, into the rows of one projection, onto the rows of `from` (default: none), which
 * stays as it was. Pure and deterministic.
 */
export function foldEvents(
  projection: Projection,
  events: Iterable<FoldedEvent>,
  from?: ReadonlyMap<string, AnyRow>,
): Folded {
  const fold = createFold(projection, from);
  for (const logged of events) fold.add(logged, readEvent(logged));
  return fold.folded;
}

type Concern = Extract<Interpretation, { kind: 'concerns' }>;

function foldOne(
  projection: Projection,
  { key, event }: Concern,
  folded: Folded,
  blocked: Set<string>,
): Change | undefined {
  const id = keyId(key);
  if (blocked.has(id)) {
    folded.parked.push({ position: event.position, key });
    return undefined;
  }
  const before = folded.rows.get(id);
  try {
    const after = evolveRow(projection, before, event);
    if (after === undefined) folded.rows.delete(id);
    else folded.rows.set(id, after);
    return { id, key, before, after };
  } catch (error) {
    blocked.add(id);
    folded.parked.push({ position: event.position, key, error });
    return undefined;
  }
}
