import { append } from './append.js';
import { appendPeer } from './append-peer.js';
import type { Bench } from './bench.js';
import { fanIn } from './fan-in.js';
import { fresh } from './fresh.js';
import { growth } from './growth.js';
import { ingest } from './ingest.js';
import { latency } from './latency.js';
import { project } from './project.js';
import { publish } from './publish.js';
import { rebuild } from './rebuild.js';
import { soak } from './soak.js';

/** All benches, in the order they run. */
export const BENCHES: readonly Bench[] = [
  append,
  appendPeer,
  ingest,
  publish,
  project,
  rebuild,
  fresh,
  growth,
  fanIn,
  latency,
  soak,
];
