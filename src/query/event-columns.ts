// The log's columns, in the form of a read model's.
import { LoggedEvent } from '../../schemas/logged-event.js';
import { type Column, rowFromTexts, rowToJson } from '../read-models/columns.js';
import type { Part } from './columns.js';
import type { Texts } from './statement.js';

const KINDS: Record<string, Column['kind']> = { position: 'bigint', received_at: 'timestamptz' };

const SUMMARY: Column[] = Object.keys(LoggedEvent.properties).map((name) => ({
  name,
  kind: KINDS[name] ?? 'text',
}));
const WHOLE: Column[] = [...SUMMARY, { name: 'body', kind: 'json' }];

/** The columns of an event, with its body or without. */
export const eventPart = (alias: string, body: boolean): Part => ({ alias, columns: body ? WHOLE : SUMMARY });

/** The body alone. */
export const BODY: Part = { alias: 'e', columns: [{ name: 'body', kind: 'json' }] };

/** An event's JSON; the body as the text it is. */
export function eventToJson(row: Texts, body: boolean): string {
  const columns = body ? WHOLE : SUMMARY;
  return rowToJson(columns, rowFromTexts(columns, row));
}
