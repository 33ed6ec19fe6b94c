// Webhooks to measure with, as many as are asked for, the same for the same seed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEvent, type NewEvent } from '../src/log/new-event.js';
import { packageRoot } from '../src/postgres/package-root.js';

const SMALL = 770;
const ID = /[0-9a-f]{8}(?=(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24})/gi;

let fixture: string[] | undefined;

function fixtureBodies(): string[] {
  const path = join(packageRoot(), 'test', 'fixtures', 'webhooks.ndjson');
  fixture ??= readFileSync(path, 'utf8').trimEnd().split('\n');
  return fixture;
}

// A copy of the history under other ids: as many more integrations, as many more resources.
function withOtherIds(body: string, copy: number): string {
  const mask = (copy * 0x9e3779b1) >>> 0;
  const other = (digits: string) =>
    ((Number.parseInt(digits, 16) ^ mask) >>> 0).toString(16).padStart(8, '0');
  return copy === 0 ? body : body.replace(ID, other);
}

// A larger raw record, as connectors send it: text of the fixture itself, so that it compresses as such text does.
function padded(body: string, bytes: number, at: number): string {
  const missing = bytes - body.length;
  const filling = fixtureBodies()[at % fixtureBodies().length]!.repeat(Math.ceil(Math.max(1, missing) / 200));
  const record = JSON.stringify(filling.slice(0, Math.max(0, missing - 20)));
  return body.replace('"payload": {', `"payload": {"last_raw_data": ${record}, `);
}

/** `count` webhooks of about `bytes` bytes each, beginning with the `from`th. */
export function webhookBodies(count: number, bytes = SMALL, from = 0): string[] {
  const bodies = fixtureBodies();
  return Array.from({ length: count }, (_, index) => {
    const at = from + index;
    const body = withOtherIds(bodies[at % bodies.length]!, Math.floor(at / bodies.length));
    return bytes > 2 * SMALL ? padded(body, bytes, at) : body;
  });
}

/** The same as events, ready to be appended. */
export function newEvents(count: number, bytes = SMALL, from = 0): NewEvent[] {
  const received_at = new Date().toISOString();
  return webhookBodies(count, bytes, from).map((body) =>
    createEvent(JSON.parse(body), Buffer.from(body), { source: 'bench', received_at }),
  );
}

/** Mean bytes of a body. */
export function meanBytes(events: readonly { body: Buffer | string }[]): number {
  return Math.round(events.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0) / events.length);
}
