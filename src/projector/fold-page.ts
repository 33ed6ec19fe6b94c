// Folds a page of the log into the rows of one projection, in memory. Three steps, so that all rows a page needs are
// read in one statement: what concerns which key; load those keys; evolve.
import type pg from 'pg';
import type { AnyRow, Projection } from '../../projections/contract.js';
import { evolveRow } from '../../projections/evolve-row.js';
import { createInterpreter } from '../../projections/interpret.js';
import type { FoldedEvent } from '../../schemas/logged-event.js';
import { segmentOf } from '../read-models/segment.js';
import type { Entry } from './entry.js';
import type { Page } from './page.js';
import type { ParkedKeys } from './parked-keys.js';
import type { RowStore } from './row-store.js';

export interface Unreadable {
  position: number;
  event: string;
  workspace_id: string | null;
  reason: string;
}

export interface Parked {
  position: number;
  key_id: string;
  event: string;
  reason: string;
}

export interface FoldTarget {
  projection: Projection;
  store: RowStore;
  /** Of how many segments, and which of them are folded; undefined: all. */
  segments: number;
  owned: ReadonlySet<number> | undefined;
  /** Key ids with a parked event, each with its first position: their later events are parked too. */
  parkedKeys: ParkedKeys;
}

/** An event whose rows Postgres refused before, and why. */
export interface Refusal {
  position: number;
  reason: string;
}

export interface FoldedPage {
  unreadable: Unreadable[];
  parked: Parked[];
}

/** What a page holds for a projection: entries, and the event of each. */
interface Concerns {
  entries: Entry[];
  // biome-ignore lint/suspicious/noExplicitAny: the interpreter gives each projection the form of event it reads
  events: any[];
}

/**
 * Folds a page onto the store's rows; nothing is written. A `refused` event is parked without being folded. Sends the
 * one statement that it needs, if any, before it first waits.
 */
export async function foldPage(
  client: pg.ClientBase | pg.Pool,
  target: FoldTarget,
  page: Page,
  refused?: Refusal,
): Promise<FoldedPage> {
  const folded: FoldedPage = { unreadable: [], parked: [] };
  const { entries, events } = foldHeld(target, page, folded, refused);
  await target.store.load(client);
  for (let index = 0; index < entries.length; index++)
    evolveOne(target, entries[index]!, events[index], folded, refused);
  return folded;
}

// Events of keys that are held are folded at once; those of others wait, in their order, until the rows are loaded.
function foldHeld(target: FoldTarget, page: Page, folded: FoldedPage, refused?: Refusal): Concerns {
  const { projection, store, segments, owned } = target;
  const interpret = createInterpreter(projection);
  const waiting: Concerns = { entries: [], events: [] };
  for (let index = 0; index < page.events.length; index++) {
    const logged = page.events[index]!;
    if (owned && !owned.has(segmentOf(logged, segments))) continue;
    const meaning = interpret(logged, page.reading(index));
    if (meaning.kind === 'concerns') {
      const entry = store.entry(meaning.key);
      if (entry.loaded) evolveOne(target, entry, meaning.event, folded, refused);
      else if (!entry.isStorable) folded.unreadable.push(unreadable(logged, KEY_NOT_STORABLE));
      else {
        waiting.entries.push(entry);
        waiting.events.push(meaning.event);
      }
    } else if (meaning.kind === 'unreadable') folded.unreadable.push(unreadable(logged, meaning.reason));
  }
  return waiting;
}

const KEY_NOT_STORABLE =
  'its key is of no row that Postgres can have: a part has a NUL or half a character, or is no value of its column';

const unreadable = ({ position, event, workspace_id }: FoldedEvent, reason: string): Unreadable => ({
  position,
  event,
  workspace_id,
  reason,
});

function evolveOne(
  target: FoldTarget,
  entry: Entry,
  event: Concerns['events'][number],
  folded: FoldedPage,
  refused?: Refusal,
): void {
  const { projection, store, parkedKeys } = target;
  const first = parkedKeys.size > 0 ? parkedKeys.get(entry.id) : undefined;
  if (first !== undefined)
    park(target, entry, event, folded, `waits behind position ${first} of the same key`);
  else if (refused && refused.position === event.position) park(target, entry, event, folded, refused.reason);
  else {
    let row: AnyRow | undefined;
    try {
      row = evolveRow(projection, entry.row, event);
    } catch (error) {
      park(target, entry, event, folded, error instanceof Error ? error.message : String(error));
      return;
    }
    store.set(entry, row);
  }
}

function park(
  { parkedKeys }: FoldTarget,
  entry: Entry,
  event: { position: number; event: string },
  folded: FoldedPage,
  reason: string,
): void {
  const key_id = entry.id;
  if (parkedKeys.get(key_id) === undefined) parkedKeys.set(key_id, event.position);
  folded.parked.push({ position: event.position, key_id, event: event.event, reason });
}
