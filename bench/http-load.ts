// Load on a URL at full speed: wrk where it is installed, as it takes the least of the machine, else autocannon in a
// process of its own.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../src/embedded/find-program.js';
import { runChild } from './child.js';
import type { LoadAnswer, LoadOrder } from './load-once.js';

const LUA = `
local bodies = {}
for line in io.lines("BODIES") do bodies[#bodies + 1] = line end
local at = 0
local requests = {}
function init(args)
  at = math.random(#bodies)
  local headers = { ["Content-Type"] = "application/json" }
  for i = 1, #bodies do requests[i] = wrk.format("POST", nil, headers, bodies[i]) end
end
function request()
  at = at % #bodies + 1
  return requests[at]
end
function done(summary, latency, requests)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write
  io.write(string.format('{"requests": %d, "seconds": %f, "failed": %d, "late": %d, "p50": %f, "p99": %f, "max": %f}\\n',
    summary.requests, summary.duration / 1e6, bad, summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end`;

/** `wrk` waits on, and counts. */
const LATE_SECONDS = 2;

/** Posts the bodies to `url` again and again, as fast as answers come. */
export async function fullLoad(order: Omit<LoadOrder, 'rate'>): Promise<LoadAnswer> {
  return findProgram('wrk') ? wrk(order) : runChild<LoadOrder, LoadAnswer>('load-once.js', order);
}

/** A load that goes on in a process of its own. */
export interface Load {
  /** The first request is sent. */
  begun: Promise<void>;
  answer: Promise<LoadAnswer>;
}

/** Posts at a rate, evenly; a latency counts from when a request was due. */
export function pacedLoad(order: Required<LoadOrder>): Load {
  let begin = () => {};
  const sent = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const answer = runChild<LoadOrder, LoadAnswer>('paced-load.js', order, begin);
  return { begun: Promise.race([sent, answer.then(() => {})]), answer };
}

/** The name of what `fullLoad` uses. */
export const loadGenerator = () => (findProgram('wrk') ? 'wrk, one thread' : 'autocannon, a process');

async function wrk({ url, bodies, connections, seconds }: Omit<LoadOrder, 'rate'>): Promise<LoadAnswer> {
  const folder = mkdtempSync(join(tmpdir(), 'hookfold-load-'));
  try {
    const file = join(folder, 'bodies.ndjson');
    writeFileSync(file, bodies.map((body) => `${body}\n`).join(''));
    writeFileSync(join(folder, 'load.lua'), LUA.replace('BODIES', file));
    // `times` tells what its children used of the processor.
    const command = `wrk -t1 -c${connections} -d${seconds}s --timeout ${LATE_SECONDS}s -s load.lua "$0"; times`;
    const { stdout } = await promisify(execFile)('sh', ['-c', command, url], { cwd: folder });
    const answer = JSON.parse(/^\{.*\}$/m.exec(stdout)![0]);
    return { ...answer, cpuSeconds: cpuOf(stdout.trimEnd().split('\n').at(-1)!) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function cpuOf(line: string): number {
  const parts = [...line.matchAll(/(\d+)m([\d.]+)s/g)];
  return parts.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}
