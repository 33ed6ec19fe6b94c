// What comes next in the copies that make up a multiplied log, so that a small and a large one go on alike: with rows
// that are there in both, of integrations that came together in both.
import type { NewEvent } from '../src/log/new-event.js';
import { createWebhooks } from './bodies.js';
import { copyEvent } from './multiply-log.js';

/** The next so many events, of a few copies that had none for the longest time. */
export type Sequel = (count: number) => NewEvent[];

/** Copies that the events of a turn are of: a log of five times the original has as many. */
const COPIES = 4;

/** The sequel of a log of `size` events that is its first `original` events, multiplied. */
export function createSequel(log: { bodyBytes: number; original: number; size: number }): Sequel {
  const { bodyBytes, original, size } = log;
  const webhooks = createWebhooks(bodyBytes);
  webhooks.take(original);
  const copies = Math.floor(size / original) - 1;
  let copy = 1;
  let events: NewEvent[] = [];
  return (count) => {
    if (copy + COPIES - 1 > copies) copy = 1;
    if (copy === 1) events = webhooks.takeEvents(Math.ceil(count / COPIES));
    const turn = Array.from({ length: COPIES }, () => {
      const number = copy++;
      return events.map((event) => copyEvent(event, number));
    });
    return turn.flat().slice(0, count);
  };
}
