// Load by autocannon at full speed, in this process of its own.
import autocannon from 'autocannon';
import { answerParent } from './child.js';
import { quantile } from './statistics.js';

export interface LoadOrder {
  url: string;
  bodies: string[];
  connections: number;
  seconds: number;
  /** Requests a second, of `paced-load`; undefined: as many as are answered. */
  rate?: number;
}

export interface LoadAnswer {
  requests: number;
  seconds: number;
  /** Requests without a 2xx. */
  failed: number;
  /** How often a request was found to have waited for two seconds and more, by `wrk`, which waits on. */
  late?: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  max: number;
  /** What the load generator itself used of the processor. */
  cpuSeconds: number;
}

answerParent(async ({ url, bodies, connections, seconds }: LoadOrder): Promise<LoadAnswer> => {
  const headers = { 'content-type': 'application/json' };
  const requests = bodies.map((body) => ({ method: 'POST' as const, body, headers }));
  const latencies: number[] = [];
  const before = process.cpuUsage();
  const options = { url, connections, duration: seconds, requests };
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(options, (error, done) => (error ? reject(error) : resolve(done)));
    instance.on('response', (_client, _status, _bytes, responseTime) => latencies.push(responseTime));
  });
  const { user, system } = process.cpuUsage(before);
  return {
    requests: result['2xx'],
    seconds: result.duration,
    failed: result.non2xx + result.errors + result.timeouts,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    max: latencies.reduce((most, latency) => Math.max(most, latency), 0),
    cpuSeconds: (user + system) / 1e6,
  };
});
