// What a bench is, what it is given and what it gives back. Each bench is a file of its name; `benches.ts` lists them.
import type pg from 'pg';
import type { Server, ServersDescription } from './servers.js';

/** What a ratio ours/beside is expected to be; none: it is shown for comparison. */
export type Aim = { atLeast: number } | { atMost: number } | undefined;

/** A ratio of two measured lines, a value a round. */
export interface Ratio {
  name: string;
  aim: Aim;
  values: number[];
}

/** What was measured of one contestant, a value a round. */
export interface Line {
  name: string;
  /** `events/s`, `ms`, `MB` … */
  unit: string;
  values: number[];
}

export interface BenchResult {
  bench: string;
  /** What was measured, and at which sizes. */
  about: string;
  lines: Line[];
  ratios: Ratio[];
  /** What a reader has to know to judge the figures. */
  notes: string[];
}

export interface BenchOptions {
  /** Events of a turn; undefined: the bench's own default. */
  events: number | undefined;
  rounds: number | undefined;
  /** Length of a turn under load over HTTP; undefined: the bench's own default. */
  seconds: number | undefined;
  /** Length of `soak`. */
  minutes: number;
  /** About so many bytes has a body. */
  bodyBytes: number;
}

export interface BenchContext {
  options: BenchOptions;
  /** The servers of the run, started when first asked for. */
  servers(): Promise<ServersDescription>;
  /** A database of its own, migrated (log and read models), dropped at the end of the bench. */
  createDatabase(): Promise<BenchDatabase>;
  /**
   * A URL of the nats-server, of which the bench makes and removes streams as it likes. There is no stream of ours when it
   * is first asked for, and none behind the bench.
   */
  natsUrl(): Promise<string>;
  /** The nats-server itself, to be stopped and started; undefined where it is not ours. */
  natsServer(): Promise<Server | undefined>;
  /** Called in the opposite order when the bench ends, however it ends. */
  atEnd(clean: () => Promise<unknown> | unknown): void;
  /** Says where the bench is, on stderr. */
  say(text: string): void;
}

export interface BenchDatabase {
  url: string;
  pool: pg.Pool;
}

export interface Bench {
  name: string;
  about: string;
  /** Runs only when named, as it takes long. */
  long?: boolean;
  run(context: BenchContext): Promise<BenchResult[]>;
}
