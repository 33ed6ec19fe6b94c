import { type Reading, readEvent } from '../../projections/read-event.js';
import type { FoldedEvent } from '../../schemas/logged-event.js';

/** A run of the log. Each event is read at most once, when the first projection asks for it. */
export interface Page {
  events: readonly FoldedEvent[];
  /** What `readEvent` makes of the event at an index. */
  reading(index: number): Reading;
  /** Position of the last event. */
  last: number;
}

/** A page of events, of which there must be one at least. */
export function createPage(events: readonly FoldedEvent[]): Page {
  const readings: (Reading | undefined)[] = new Array(events.length);
  const reading = (index: number) => (readings[index] ??= readEvent(events[index]!));
  return { events, reading, last: events.at(-1)!.position };
}

/** A part of a page. */
export function slicePage(page: Page, from: number, to: number): Page {
  return createPage(page.events.slice(from, to));
}
