/**
 * Milliseconds between two instants (RFC 3339); 0 where the second lies before the first, as the clocks of two
 * processes may have it.
 */
export function elapsedMs(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from));
}
