import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { readEvent } from '../../projections/read-event.js';
import { scanBodies } from '../../projections/scan-bodies.js';
import { MARKS } from '../../schemas/body-scan.js';
import { PAYLOADS } from '../../schemas/events.js';
import type { FoldedEvent, LoggedEvent, ScannedBody } from '../../schemas/logged-event.js';
import { fixtureEvents, loggedEvent } from '../support/logged-events.js';

/** The events, their bodies in one buffer with other bytes around. */
function asRun(events: readonly LoggedEvent[]): FoldedEvent[] {
  const between = Buffer.from('{"payload');
  const parts = events.flatMap(({ body }) => [between, Buffer.from(body)]);
  const bytes = Buffer.concat([...parts, Buffer.alloc(8)]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = 0;
  const raws = events.map((_, index): ScannedBody => {
    const start = end + between.length;
    end = start + parts[2 * index + 1]!.length;
    return { bytes, view, start, end, scan: undefined, index };
  });
  const scan = scanBodies(
    events.map((event, index) => ({ ...event, raw: raws[index]! })),
    events.length,
  );
  return events.map((event, index) => ({ ...event, raw: { ...raws[index]!, scan } }));
}

/** What a projection may see of a reading. */
function seen(event: FoldedEvent): unknown {
  const reading = readEvent(event);
  if (reading.kind !== 'known') return reading;
  const known = reading.event;
  const { position, event_id, received_at, workspace_id, customer_id, state, texts } = known;
  const payload = known.payload as Record<string, unknown>;
  const names = Object.keys(PAYLOADS[known.event].properties).filter((name) => !(name in texts));
  const shared = { event: known.event, position, event_id, received_at, workspace_id, customer_id, state };
  const told = known.event === 'integration_updated_data_model' ? known.sync_timestamp : undefined;
  return {
    ...shared,
    integration_id: known.event === 'webhook_test' ? undefined : known.integration_id,
    payload: Object.fromEntries(names.map((name) => [name, payload[name]])),
    texts: { ...texts },
    told,
  };
}

function assertSame(events: readonly LoggedEvent[]): void {
  const run = asRun(events);
  for (const [index, event] of events.entries()) assert.deepEqual(seen(run[index]!), seen(event), event.body);
}

t.test('a body read as bytes says what its text says, for every event of the fixtures', async (t) => {
  const events = fixtureEvents();
  assertSame(events);
  const about = asRun(events.filter(({ event }) => event.endsWith('_data_model')));
  const read = about.filter(({ raw }) => raw!.scan!.marks[raw!.index * MARKS]! > 0);
  t.ok(read.length > about.length * 0.9, `${read.length} of ${about.length} are read as bytes`);
});

// JSON as nobody writes it: any member anywhere, twice, spaced and escaped.
const NAMES = [
  'workspace_id',
  'customer_id',
  'event',
  'state',
  'payload',
  'id',
  'resource_id',
  'type',
  'diff',
  'data',
];
const space = fc.constantFrom('', ' ', '\n\t ');
const name = fc.constantFrom(
  ...NAMES,
  'sync_timestamp',
  'more',
  'a\\u0062',
  'sync\\u005ftimestamp',
  '"}]',
  '\\\\',
);
const texts = fc.oneof(
  fc.constantFrom(
    'i1',
    'I1',
    'ABCDEFABCDEFABCDEFABCDEFABCDEFAB',
    'ü',
    '',
    '1.5',
    'x'.repeat(210),
    'é'.repeat(300),
  ),
  fc.string({ unit: 'grapheme' }),
);
const quoted = (text: string) => (text.includes('\\') ? `"${text}"` : JSON.stringify(text));
const scalar = fc.oneof(
  texts.map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '"\\ud83c\\udf89"',
    '"\\ud800"',
    '"\\u0000"',
    '"\\\\"',
    '"a\\"b"',
    '1e3',
    '-0',
    'null',
    'true',
  ),
);

function objectOf(members: [string, string][], gap: string): string {
  return `{${gap}${members.map(([key, value]) => `${quoted(key)}${gap}:${gap}${value}`).join(`${gap},${gap}`)}${gap}}`;
}

const anyJson = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, scalar, tie('object'), tie('array')),
  object: fc
    .tuple(fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }), space)
    .map(([members, gap]) => objectOf(members as [string, string][], gap)),
  array: fc.array(tie('value'), { maxLength: 3 }).map((values) => `[${values.join(' , ')}]`),
})).value as fc.Arbitrary<string>;

const EVENTS = [
  'integration_new_data_model',
  'integration_updated_data_model',
  'integration_deleted_data_model',
];
const usual = (key: string, value: fc.Arbitrary<string>) => fc.tuple(fc.constant(key), value);
const id = fc.oneof(fc.constant('"i1"'), scalar);

const payload = fc
  .tuple(
    fc.tuple(
      usual('id', id),
      usual('resource_id', id),
      usual('type', id),
      usual('data', anyJson),
      usual('diff', anyJson),
    ),
    fc.array(fc.tuple(name, anyJson), { maxLength: 2 }),
    fc.boolean(),
    space,
  )
  .chain(([members, more, ordered, gap]) =>
    (ordered
      ? fc.constant([...members, ...more])
      : fc.shuffledSubarray([...members, ...more], { minLength: 3 })
    ).map((all) => objectOf(all as [string, string][], gap)),
  );

const body = fc
  .tuple(
    fc.constantFrom(...EVENTS),
    fc.tuple(usual('workspace_id', id), usual('customer_id', scalar), usual('state', scalar)),
    payload,
    fc.array(fc.tuple(name, anyJson), { maxLength: 2 }),
    fc.boolean(),
    space,
  )
  .chain(([event, members, inner, more, ordered, gap]) => {
    const all: [string, string][] = [...members, ['event', `"${event}"`], ['payload', inner], ...more];
    return (ordered ? fc.constant(all) : fc.shuffledSubarray(all, { minLength: all.length })).map(
      (some) => `${gap}${objectOf(some, gap)}`,
    );
  })
  .filter((text) => {
    const { event, payload } = JSON.parse(text);
    return (
      typeof event === 'string' && typeof payload === 'object' && payload !== null && !Array.isArray(payload)
    );
  });

t.test('a body read as bytes says what its text says, whatever JSON it is', async () => {
  fc.assert(
    fc.property(fc.array(body, { minLength: 1, maxLength: 4 }), (bodies) => {
      // Twice each: what was remembered of the first must hold for the second, and for no other.
      assertSame([...bodies, ...bodies].map((text, index) => loggedEvent(text, index + 1)));
    }),
    { numRuns: 2000 },
  );
});
