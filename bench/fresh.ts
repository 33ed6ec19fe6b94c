// fresh: how long after its 202 an event's row can be read through the query API, while the door is half busy.
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from './bench.js';
import { createWebhooks } from './bodies.js';
import { CONNECTIONS, costOf, rateOfAnswered } from './door-load.js';
import { fullLoad, pacedLoad } from './http-load.js';
import { resultOf } from './in-turn.js';
import { createKey, createSource, startRole } from './role.js';
import { quantile, quotients } from './statistics.js';

const FULL_SECONDS = 4;
const HALF_SECONDS = 12;
const PROBES = 200;
const NAMES = {
  p50: '202, p50',
  p99: '202, p99',
  seen50: '202 to visible, p50',
  seen99: '202 to visible, p99',
};

export const fresh: Bench = {
  name: 'fresh',
  about: '202 to a row that the query API shows, at half load',
  async run(context) {
    const { options, say } = context;
    const seconds = options.seconds ?? HALF_SECONDS;
    const database = await context.createDatabase();
    const path = await createSource(database);
    const roles = ['ingest', 'projector', 'query'] as const;
    const [door, , query] = await Promise.all(roles.map((role) => startRole(context, role, database)));
    const url = door!.url + path;
    const key = await createKey(database);
    const bodies = createWebhooks(options.bodyBytes).take(5000);
    const order = { url, bodies, connections: CONNECTIONS, seconds: Math.min(seconds, FULL_SECONDS) };
    await fullLoad(order); // Warms up.
    const full = await fullLoad(order);
    const rate = Math.round(rateOfAnswered('full load', full) / 2);
    say(`full load: ${rate * 2} a second; probing at half of it`);
    const values: Record<keyof typeof NAMES, number[]> = { p50: [], p99: [], seen50: [], seen99: [] };
    const loads = [full];
    for (let round = 0; round < (options.rounds ?? 2); round++) {
      const load = pacedLoad({ url, bodies, connections: CONNECTIONS, seconds, rate });
      await load.begun;
      const { acknowledged, visible } = await probe({
        url,
        queryUrl: query!.url,
        key,
        round,
        seconds: seconds * 0.9,
      });
      const half = await load.answer;
      rateOfAnswered('half load', half);
      loads.push(half);
      values.p50.push(quantile(acknowledged, 0.5));
      values.p99.push(quantile(acknowledged, 0.99));
      values.seen50.push(quantile(visible, 0.5));
      values.seen99.push(quantile(visible, 0.99));
      say(
        `round ${round + 1}: ${acknowledged.length} probes, visible after ${quantile(visible, 0.5).toFixed(1)} ms`,
      );
    }
    const lines = Object.entries(NAMES).map(([name, text]) => ({
      name: text,
      unit: 'ms',
      values: values[name as keyof typeof NAMES],
    }));
    const ratios = [
      { name: 'visible / 202, p50', aim: { atMost: 3 }, values: quotients(values.seen50, values.p50) },
      { name: 'visible / 202, p99', aim: { atMost: 3 }, values: quotients(values.seen99, values.p99) },
    ];
    const about = `${rate} requests a second, half of full load; up to ${PROBES} probes a round, each with a resource of its own`;
    const notes = [
      costOf(loads),
      'visible: a GET with min_position, sent when the 202 is there, shows the row',
    ];
    return [resultOf('fresh', about, lines, ratios, notes)];
  },
};

interface Probe {
  url: string;
  queryUrl: string;
  key: string;
  round: number;
  /** The probes are spread over these. */
  seconds: number;
}

async function probe({ url, queryUrl, key, round, seconds }: Probe) {
  const acknowledged: number[] = [];
  const visible: number[] = [];
  const integration = `00000000-0000-4000-8000-${String(round).padStart(12, '0')}`;
  const started = performance.now();
  for (let n = 0; n < PROBES; n++) {
    const due = (n / PROBES) * seconds;
    await delay(Math.max(0, started + due * 1000 - performance.now()));
    if (performance.now() - started > seconds * 1000) break;
    const resource = `probe-${n}`;
    const payload = { id: integration, type: 'probe', resource_id: resource };
    const body = JSON.stringify({
      workspace_id: integration,
      customer_id: null,
      event: 'integration_new_data_model',
      state: null,
      payload,
    });
    const sent = performance.now();
    const { position } = (await (await fetch(url, { method: 'POST', body })).json()) as { position: number };
    const there = performance.now();
    const path = `/v1/resources/${integration}/probe/${resource}?min_position=${position}`;
    const answer = await fetch(queryUrl + path, { headers: { authorization: `Bearer ${key}` } });
    if (answer.status !== 200)
      throw new Error(`the probe at ${position} was answered ${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
    acknowledged.push(there - sent);
    visible.push(performance.now() - there);
  }
  return { acknowledged, visible };
}
