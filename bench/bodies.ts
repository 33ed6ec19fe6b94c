// Webhooks to measure with: the simulator's, so that they come as the sender's do, in bursts, with neighbours swapped.
import { createEvent, type NewEvent } from '../src/log/new-event.js';
import { simulateWebhooks } from '../src/simulator/simulate-webhooks.js';

/** The next so many webhooks of an endless stream; the same for the same size and seed. */
export interface Webhooks {
  take(count: number): string[];
  /** The same as events, ready to be appended. */
  takeEvents(count: number): NewEvent[];
}

const INTEGRATIONS = 40;

/** A stream of webhooks of about `bodyBytes` bytes each. Streams of different seeds share no ids. */
export function createWebhooks(bodyBytes: number, seed = 1): Webhooks {
  const stream = simulateWebhooks({ seed, bodyBytes, integrations: INTEGRATIONS });
  const take = (count: number) => Array.from({ length: count }, () => stream.next().value);
  const takeEvents = (count: number) => {
    const received_at = new Date().toISOString();
    return take(count).map((body) =>
      createEvent(JSON.parse(body), Buffer.from(body), { source: 'bench', received_at }),
    );
  };
  return { take, takeEvents };
}

/** Mean bytes of a body. */
export function meanBytes(events: readonly { body: Buffer | string }[]): number {
  return Math.round(events.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0) / events.length);
}
