import { crc32 } from 'node:zlib';

/** What decides on an integration's segment: its remainder by the number of segments, in SQL as here. */
export const hashOfIntegration = (integrationId: string): number => crc32(integrationId);

/** The segment of an integration's events. */
export function segmentOfIntegration(integrationId: string, segments: number): number {
  return segments === 1 ? 0 : hashOfIntegration(integrationId) % segments;
}
