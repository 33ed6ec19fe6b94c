import { type TSchema, Type } from '@sinclair/typebox';
import { OrNull } from './http-query.js';

/** A version of a row: the event that made it, and what it changed. */
export const VersionOf = (row: TSchema) =>
  Type.Object({
    position: Type.Integer({ description: 'Position of the event' }),
    event_id: Type.String({ format: 'uuid' }),
    event: Type.String(),
    received_at: Type.String({ format: 'date-time' }),
    changes: Type.Object(
      Object.fromEntries(
        Object.entries(row.properties).map(([name, column]) => [
          name,
          Type.Optional(Type.Object({ before: OrNull(column as TSchema), after: column as TSchema })),
        ]),
      ),
      { description: 'Only the columns that changed; before the first version all are null' },
    ),
  });
