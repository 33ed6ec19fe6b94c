import { crc32 } from 'node:zlib';
import type { LoggedEvent } from '../../schemas/logged-event.js';

/**
 * The segment of an event, by its integration; 0 for events of no integration. All events of a key that lies within
 * an integration fall into one segment.
 */
export function segmentOf(event: LoggedEvent, segments: number): number {
  if (segments === 1 || event.integration_id === null) return 0;
  return crc32(event.integration_id) % segments;
}
