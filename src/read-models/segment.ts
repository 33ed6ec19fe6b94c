import { crc32 } from 'node:zlib';
import type { FoldedEvent } from '../../schemas/logged-event.js';

/** What decides on an integration's segment: its remainder by the number of segments, in SQL as here. */
export const hashOfIntegration = (integrationId: string): number => crc32(integrationId);

/** The segment of an integration's events. */
export function segmentOfIntegration(integrationId: string, segments: number): number {
  return segments === 1 ? 0 : hashOfIntegration(integrationId) % segments;
}

/**
 * The segment of an event, by its integration; 0 for events of no integration. All events of a key that lies within
 * an integration fall into one segment.
 */
export function segmentOf(event: FoldedEvent, segments: number): number {
  return event.integration_id === null ? 0 : segmentOfIntegration(event.integration_id, segments);
}
