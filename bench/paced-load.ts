// Load at a rate, open-loop: requests are due evenly in time, and wait for a connection if none is free, so that a
// stall of the service is felt by all that were due during it. Raw sockets: an HTTP client would take as much of the
// machine as the service.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answerParent } from './child.js';
import type { LoadAnswer, LoadOrder } from './load-once.js';
import { quantile } from './statistics.js';

const TICK_MS = 1;
const PATIENCE_MS = 15_000;
const STATUS_AT = 'HTTP/1.1 '.length;

answerParent(async (order: Required<LoadOrder>, begun): Promise<LoadAnswer> => {
  const { rate, seconds } = order;
  const requests = order.bodies.map((body) => requestOf(order.url, body));
  const latencies: number[] = [];
  const due: number[] = [];
  const free: Socket[] = [];
  let taken = 0;
  let failed = 0;

  const send = (socket: Socket, dueAt: number) => {
    socket.write(requests[taken++ % requests.length]!);
    // One request at a time on a connection, and answers of a few hundred bytes: a chunk is an answer.
    socket.once('data', (chunk) => {
      latencies.push(performance.now() - dueAt);
      if (chunk[STATUS_AT] !== 0x32) failed += 1;
      const next = due.shift();
      if (next === undefined) free.push(socket);
      else send(socket, next);
    });
  };
  const sockets = await Promise.all(Array.from({ length: order.connections }, () => open(order.url)));
  free.push(...sockets);
  begun();
  const before = process.cpuUsage();
  const started = performance.now();
  const total = Math.round(rate * seconds);
  for (let made = 0; made < total; await delay(TICK_MS)) {
    const dueByNow = Math.min(total, Math.floor(((performance.now() - started) / 1000) * rate));
    for (; made < dueByNow; made++) {
      const dueAt = started + (made / rate) * 1000;
      const socket = free.pop();
      if (socket) send(socket, dueAt);
      else due.push(dueAt);
    }
  }
  const until = performance.now() + PATIENCE_MS;
  while (latencies.length < total && performance.now() < until) await delay(10);
  const { user, system } = process.cpuUsage(before);
  for (const socket of sockets) socket.destroy();
  return {
    requests: latencies.length - failed,
    seconds: (performance.now() - started) / 1000,
    failed: failed + total - latencies.length,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    max: quantile(latencies, 1),
    cpuSeconds: (user + system) / 1e6,
  };
});

async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

function requestOf(url: string, body: string): string {
  const { pathname, host } = new URL(url);
  const length = Buffer.byteLength(body);
  return `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`;
}
