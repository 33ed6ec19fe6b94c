// Conditions on the log.
import { sql } from 'kysely';
import { storableText } from '../../schemas/text.js';
import { hasText } from './filters.js';
import { type Sql, storedId } from './scope.js';

export interface EventFilter {
  integration_id?: string;
  event?: string;
  source?: string;
  customer_id?: string;
  type?: string;
  resource_id?: string;
}

/** Conditions of a filter on events, under the alias `e`. */
export function eventFilters(filter: EventFilter): Sql[] {
  return [
    ...hashed('e.integration_id', filter.integration_id, storedId),
    ...hashed('e.resource_id', filter.resource_id, storableText),
    ...hasText('e.event', filter.event),
    ...hasText('e.source', filter.source),
    ...hasText('e.customer_id', filter.customer_id),
    ...hasText('e.resource_type', filter.type),
  ];
}

// By hash, which is indexed, and by text, since hashes collide.
function hashed(column: string, given: string | undefined, stored: (text: string) => string): Sql[] {
  if (given === undefined) return [];
  const value = stored(given);
  const ref = sql.ref(column);
  return [sql`hashtextextended(${ref}, 0) = hashtextextended(${value}, 0)`, sql`${ref} = ${value}`];
}
