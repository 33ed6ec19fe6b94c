import type { AnyRow, Projection } from './contract.js';

/**
 * The row after an event, by the projection's `evolve`; whoever folds an event does it by this. Throws what `evolve`
 * throws, and where it answers what is no row: either parks the event.
 */
export function evolveRow(
  projection: Projection,
  row: AnyRow | undefined,
  // biome-ignore lint/suspicious/noExplicitAny: the interpreter gives each projection the form of event it reads
  event: any,
): AnyRow | undefined {
  const after = projection.evolve(row, event);
  if (after === undefined || (typeof after === 'object' && after !== null)) return after;
  throw new TypeError(`evolve answered ${String(after)}: expected a row, or undefined for none`);
}
