import type pg from 'pg';
import { binaryArray, type Element, type ElementType } from '../postgres/binary-array.js';
import { isRefusedData, sqlState } from '../postgres/failure.js';
import type { NewEvent } from './new-event.js';

/** What became of one event. A repeat carries the position and id of the event it repeats. */
export interface Appended {
  position: number;
  event_id: string;
  duplicate: boolean;
}

interface Answer {
  position_before: number;
  repeats: { ordinal: number; position: number; event_id: string }[] | null;
}

const PARAMETERS: [ElementType, (event: NewEvent) => Element][] = [
  ['uuid', (event) => event.event_id],
  ['timestamptz', (event) => event.received_at],
  ['text', (event) => event.source],
  ['text', (event) => event.delivery_id],
  ['text', (event) => event.workspace_id],
  ['text', (event) => event.customer_id],
  ['text', (event) => event.event],
  ['text', (event) => event.integration_id],
  ['text', (event) => event.resource_type],
  ['text', (event) => event.resource_id],
  ['text', (event) => event.state],
  ['json', (event) => event.headers],
  ['json', (event) => event.body],
];

const APPEND = `SELECT position_before, repeats FROM append_events(${PARAMETERS.map(
  ([type], index) => `$${index + 1}::${type}[]`,
).join(', ')})`;

/**
 * Appends events in their order as one commit: all or none. Answers, in the same order, what became of each. Throws
 * what Postgres says; `isRefusedEvent` tells whether the events are at fault. Where the connection breaks before the
 * answer, the commit may have happened.
 * `prepared`: parsed and planned once a connection, for a caller of many; not within a transaction, which a pooler's
 * refusal of the name would end.
 */
export async function appendEvents(
  client: pg.ClientBase | pg.Pool,
  events: readonly NewEvent[],
  { prepared = false } = {},
): Promise<Appended[]> {
  const values = PARAMETERS.map(([type, read]) => binaryArray(type, events.map(read)));
  return placeEvents(events, await callAppend(client, values, prepared && mayPrepare));
}

// A pooler that lends connections by the transaction may know no prepared statements: then Postgres says so before
// anything was done, and from there on the statement is sent whole.
let mayPrepare = true;

async function callAppend(
  client: pg.ClientBase | pg.Pool,
  values: Buffer[],
  prepared: boolean,
): Promise<Answer> {
  try {
    const statement = { text: APPEND, values, ...(prepared && { name: 'append_events' }) };
    const result = await client.query<Answer>(statement);
    return result.rows[0]!;
  } catch (error) {
    if (!prepared || !NAME_UNKNOWN.has(sqlState(error) ?? '')) throw error;
    mayPrepare = false;
    return callAppend(client, values, false);
  }
}

/** Of a prepared statement: no such name, or the name is there already. */
const NAME_UNKNOWN = new Set(['26000', '42P05']);

function placeEvents(events: readonly NewEvent[], answer: Answer): Appended[] {
  const repeats = new Map(answer.repeats?.map((repeat) => [repeat.ordinal, repeat]));
  let position = answer.position_before;
  return events.map((event, index) => {
    const repeat = repeats.get(index + 1);
    if (repeat) return { position: repeat.position, event_id: repeat.event_id, duplicate: true };
    position += 1;
    return { position, event_id: event.event_id, duplicate: false };
  });
}

/**
 * True where an event that was appended is at fault, so that it would be refused again. A position or delivery id that
 * is there already (23505) is not: numbering them is the log's own work. Nor is a position that no partition takes, the
 * one check (23514) that has no constraint's name.
 */
export function isRefusedEvent(error: unknown): boolean {
  const state = sqlState(error);
  if (state === '23505') return false;
  if (state === '23514') return (error as { constraint?: string }).constraint !== undefined;
  return isRefusedData(error);
}
