import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * `disconnected`: NATS is away. `standby`: another process relays. `mirroring`: the stream is, or becomes, the log's
 * copy. `refused`: the stream is no copy and is left alone, or the log lacks events that it has to get. `failing`: tried
 * again in a moment.
 */
const RELAY_STATES = ['stopped', 'disconnected', 'standby', 'mirroring', 'refused', 'failing'] as const;
export type RelayState = (typeof RELAY_STATES)[number];

/** What a relay does now. */
export interface RelayStatus {
  state: RelayState;
  /** The last position that is known to be in the stream; 0 while none is known. */
  position: number;
  /** Why, where the state is `refused` or `failing`. */
  error?: string;
}

export interface RelayMetrics {
  published(events: number): void;
}

/** Registers the relay's metrics; they show what `status` answers. `head` gives the log's last position. */
export function createRelayMetrics(
  metrics: Registry,
  status: () => RelayStatus,
  head: () => Promise<number>,
): RelayMetrics {
  const registers = [metrics];
  new Gauge({
    name: 'hookfold_relay_position',
    help: 'Last position known to be in the stream, where this process relays',
    registers,
    collect() {
      this.set(status().position);
    },
  });
  new Gauge({
    name: 'hookfold_relay_lag_events',
    help: 'Events of the log that are not in the stream yet, where this process relays (0 in standby)',
    registers,
    async collect() {
      const { state, position } = status();
      const last = state === 'standby' || state === 'stopped' ? position : await head().catch(() => position);
      this.set(Math.max(0, last - position));
    },
  });
  new Gauge({
    name: 'hookfold_relay_state',
    help: '1 for the state that the relay is in',
    labelNames: ['state'],
    registers,
    collect() {
      for (const state of RELAY_STATES) this.set({ state }, status().state === state ? 1 : 0);
    },
  });
  const published = new Counter({
    name: 'hookfold_relay_published_total',
    help: 'Events that this process published and the stream acknowledged',
    registers,
  });
  return { published: (events) => published.inc(events) };
}
