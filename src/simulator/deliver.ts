// Sends webhooks to a door over HTTP as their sender does: POST, no retry, some connections, at a rate.
import { Agent, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';

export interface DeliverOptions {
  url: URL;
  webhooks: Iterator<string, unknown>;
  /** Webhooks a second; undefined: as fast as they are answered. */
  rate?: number;
  seconds: number;
  connections: number;
  /** How long an answer may keep it waiting; default 15 s, in which a door gives up its commit and says so. */
  answerWithinMs?: number;
  /** Ends it early. */
  signal?: AbortSignal;
  onProgress?(delivered: Delivered): void;
}

/** What became of the webhooks that were sent. */
export interface Delivered {
  sent: number;
  /** 2xx. */
  acknowledged: number;
  /** 4xx. */
  rejected: number;
  /** 5xx. */
  refused: number;
  /** No answer: the connection failed, or fell silent. */
  failed: number;
  /** Milliseconds from sending to the answer, of all that were answered. */
  latencies: number[];
  /** The highest position that was acknowledged. */
  lastPosition: number;
  seconds: number;
}

/** Sends until the time is over, and waits for the last answers: not for long. */
export async function deliver(options: DeliverOptions): Promise<Delivered> {
  const { url, webhooks, rate, seconds, connections, answerWithinMs = 15_000, signal } = options;
  const secure = url.protocol === 'https:';
  const agent = new (secure ? SecureAgent : Agent)({ keepAlive: true, maxSockets: connections });
  const delivered: Delivered = {
    sent: 0,
    acknowledged: 0,
    rejected: 0,
    refused: 0,
    failed: 0,
    latencies: [],
    lastPosition: 0,
    seconds: 0,
  };
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  const isOver = () => elapsed() >= seconds || signal?.aborted === true;
  const progress = setInterval(() => options.onProgress?.({ ...delivered, seconds: elapsed() }), 1000);

  const worker = async () => {
    while (!isOver()) {
      if (rate !== undefined) {
        const dueMs = (delivered.sent / rate) * 1000 - elapsed() * 1000;
        if (dueMs > 0) {
          await delay(Math.min(dueMs, 100));
          continue;
        }
      }
      delivered.sent += 1;
      await send(webhooks.next().value as string);
    }
  };
  const send = async (body: string) => {
    const sentAt = performance.now();
    const answer = await post(body).catch(() => undefined);
    if (answer === undefined) {
      delivered.failed += 1;
      await delay(100); // Nobody is there: no use in hammering.
      return;
    }
    delivered.latencies.push(performance.now() - sentAt);
    if (answer.status < 300) delivered.acknowledged += 1;
    else if (answer.status < 500) delivered.rejected += 1;
    else delivered.refused += 1;
    if (answer.status < 300)
      delivered.lastPosition = Math.max(delivered.lastPosition, positionIn(answer.text));
  };
  const post = (body: string) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const how = { method: 'POST', agent, headers, timeout: answerWithinMs };
      const call = (secure ? secureRequest : request)(url, how, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      });
      call.on('timeout', () => call.destroy(new Error('no answer')));
      call.on('error', reject).end(body);
    });

  await Promise.all(Array.from({ length: connections }, worker));
  clearInterval(progress);
  agent.destroy();
  return { ...delivered, seconds: elapsed() };
}

function positionIn(text: string): number {
  return Number(/"position":(\d+)/.exec(text)?.[1] ?? 0);
}

/** The latency below which a share of the answers came, in milliseconds; 0 where there was none. */
export function percentile(latencies: readonly number[], share: number): number {
  const sorted = Float64Array.from(latencies).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
