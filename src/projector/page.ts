import { type Reading, readEvent } from '../../projections/read-event.js';
import type { LoggedEvent } from '../../schemas/logged-event.js';

/** A run of the log, each event read once for all projections. */
export interface Page {
  events: readonly LoggedEvent[];
  readings: readonly Reading[];
  /** Position of the last event. */
  last: number;
}

/** Reads the events of a page, which must not be empty. */
export function createPage(events: readonly LoggedEvent[]): Page {
  return { events, readings: events.map(readEvent), last: events.at(-1)!.position };
}

/** A part of a page. */
export function slicePage(page: Page, from: number, to: number): Page {
  const events = page.events.slice(from, to);
  return { events, readings: page.readings.slice(from, to), last: events.at(-1)!.position };
}
