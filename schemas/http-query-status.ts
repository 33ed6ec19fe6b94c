// What the operational routes answer.
import { Type } from '@sinclair/typebox';

const Nullable = (type: string, description = '') =>
  Type.Unsafe<unknown>({ type: [type, 'null'], description });

/** A read model's progress. */
export const ProjectionStatus = Type.Object({
  name: Type.String(),
  version: Type.Integer(),
  build_id: Type.Integer(),
  position: Type.Integer({ description: 'Every event up to it is in the read model' }),
  lag_events: Type.Integer(),
  lag_seconds: Type.Number({ description: 'Age of the oldest event that is not in it yet; 0 at the head' }),
  segments: Type.Array(
    Type.Object({
      segment: Type.Integer(),
      position: Type.Integer(),
      event_id: Nullable('string', 'Id of the event there, where it is known'),
    }),
  ),
  fault: Nullable('string', 'Why it cannot go on with this log, and what to do'),
  parked: Type.Integer({ description: 'Events that could not be folded, and those that wait behind them' }),
  unreadable: Type.Integer({ description: 'Known events that did not fit their schema' }),
  pinned: Type.Boolean({
    description: 'An earlier version was taken back by hand: newer ones are not rebuilt by themselves',
  }),
  rebuild: Nullable(
    'object',
    'A rebuild that is under way (running), or what one has left behind: build_id, version, running, position, events_left, events_per_second and eta_seconds (null where it folds none now), failure (why it could not be finished when that was last tried, or null), started_at. The live lag is lag_events',
  ),
});

/** A rejected request, without its bytes. */
export const RejectedStatus = Type.Object({
  id: Type.Integer(),
  rejected_at: Type.String({ format: 'date-time' }),
  source: Type.String(),
  reason: Type.String(),
  detail: Type.String(),
  delivery_id: Nullable('string'),
  headers: Type.Object({}),
  body_length: Type.Integer({ description: 'Bytes received' }),
  kept_length: Type.Integer({ description: 'Bytes kept' }),
  released_at: Nullable('string'),
  released_position: Nullable('integer'),
});

/** An event that a projection could not fold. */
export const ParkedStatus = Type.Object({
  projection: Type.String(),
  version: Type.Integer(),
  position: Type.Integer(),
  event: Type.String(),
  reason: Type.String(),
  parked_at: Type.String({ format: 'date-time' }),
  key: Type.Array(Nullable('string'), {
    description: "The row's key: its integration first, of a read model that is kept by integration",
  }),
});

/** An event that a projection could not read. */
export const UnreadableStatus = Type.Object({
  position: Type.Integer(),
  projection: Type.String(),
  event: Type.String(),
  reason: Type.String(),
});
