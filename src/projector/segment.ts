import type { FoldedEvent } from '../../schemas/logged-event.js';
import { segmentOfIntegration } from '../read-models/segment.js';

/**
 * The segment of an event, by its integration; 0 for events of no integration. All events of a key that lies within
 * an integration fall into one segment.
 */
export function segmentOf(event: FoldedEvent, segments: number): number {
  return event.integration_id === null ? 0 : segmentOfIntegration(event.integration_id, segments);
}
