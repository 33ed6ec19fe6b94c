// soak: the memory of each role, at rest and under full load for some minutes.
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, Line } from './bench.js';
import { createWebhooks } from './bodies.js';
import { CONNECTIONS, costOf } from './door-load.js';
import { fullLoad } from './http-load.js';
import { resultOf } from './in-turn.js';
import { lagOf, untilFollowed } from './lag.js';
import { residentMb } from './resident.js';
import { createKey, createSource, startRole } from './role.js';
import { median } from './statistics.js';

const ROLES = ['ingest', 'projector', 'query'] as const;
const REST_MS = 3000;
/** After the load. */
const REST_AFTER_MS = 10_000;
/** Callers of the query API, each with one request at a time. */
const READERS = 2;
const SAMPLE_MS = 1000;
const REST_LIMIT_MB = 200;
const LOAD_LIMIT_MB = 400;
/** Two halves of a run differ by so much without a leak. */
const GROWTH_LIMIT = 1.1;

export const soak: Bench = {
  name: 'soak',
  long: true,
  about: 'memory of each role at rest and under full load (--minutes)',
  async run(context) {
    const { options } = context;
    const database = await context.createDatabase();
    const path = await createSource(database);
    const running = await Promise.all(ROLES.map((role) => startRole(context, role, database)));
    const url = running[0]!.url + path;
    const key = await createKey(database);
    const pids = running.map(({ process }) => process.identity()!.pid);
    await delay(REST_MS);
    const rest = pids.map(residentMb);
    const seconds = Math.max(2, Math.round(options.minutes * 60));
    const bodies = createWebhooks(options.bodyBytes).take(5000);
    const loading = fullLoad({ url, bodies, connections: CONNECTIONS, seconds });
    const samples: number[][] = pids.map(() => []);
    let isOver = false;
    loading.finally(() => (isOver = true)).catch(() => {}); // It is told when it is waited for.
    const reading = Promise.all(
      Array.from({ length: READERS }, () => pageThrough(running[2]!.url, key, () => isOver)),
    );
    reading.catch(() => {}); // As the load.
    while (!isOver) {
      for (const [index, pid] of pids.entries()) samples[index]!.push(residentMb(pid));
      await delay(SAMPLE_MS);
    }
    const load = await loading;
    const pages = (await reading).reduce((sum, count) => sum + count, 0);
    const lag = await lagOf(database.pool);
    await untilFollowed(database.pool);
    await delay(REST_AFTER_MS);
    const after = pids.map(residentMb);
    const lines = ROLES.flatMap((role, index): Line[] => [
      { name: `${role} at rest`, unit: 'MB', values: [rest[index]!] },
      { name: `${role} under load`, unit: 'MB', values: samples[index]! },
      { name: `${role} at rest behind it`, unit: 'MB', values: [after[index]!] },
    ]);
    const ratios = ROLES.flatMap((role, index) => [
      {
        name: `${role} at rest / ${REST_LIMIT_MB} MB`,
        aim: { atMost: 1 },
        values: [rest[index]! / REST_LIMIT_MB, after[index]! / REST_LIMIT_MB],
      },
      {
        name: `${role} under load, most / ${LOAD_LIMIT_MB} MB`,
        aim: { atMost: 1 },
        values: [Math.max(...samples[index]!) / LOAD_LIMIT_MB],
      },
      {
        name: `${role}, last quarter / third`,
        aim: { atMost: GROWTH_LIMIT },
        values: [growth(samples[index]!)],
      },
    ]);
    const about = `${seconds} s at full load, ${Math.round(load.requests / load.seconds)} webhooks and ${Math.round(pages / seconds)} pages of a list a second`;
    const notes = [
      costOf([load]),
      `${load.failed} requests without a 2xx`,
      `at its end the read models were ${lag} events behind the log`,
    ];
    return [resultOf('soak', about, lines, ratios, notes)];
  },
};

/** Pages through a list, and from its begin again, until told to end. Answers the number of pages. */
async function pageThrough(url: string, key: string, isOver: () => boolean): Promise<number> {
  const headers = { authorization: `Bearer ${key}` };
  let cursor = '';
  for (let pages = 0; ; pages++) {
    if (isOver()) return pages;
    const answer = await fetch(`${url}/v1/resources?limit=50${cursor}`, { headers });
    if (!answer.ok) throw new Error(`a page was answered ${answer.status}: ${await answer.text()}`);
    const { next_cursor } = (await answer.json()) as { next_cursor: string | null };
    cursor = next_cursor ? `&cursor=${encodeURIComponent(next_cursor)}` : '';
  }
}

// The second half of the run, its own two halves compared: growth there is growth for ever.
function growth(samples: readonly number[]): number {
  const half = samples.slice(samples.length >> 1);
  return median(half.slice(half.length >> 1)) / median(half.slice(0, half.length >> 1));
}
