import fc from 'fast-check';
import t from 'tap';
import type { MirroredEvent } from '../../schemas/logged-event.js';
import { toMessage } from '../../src/bus/message.js';
import { subjectOf } from '../../src/bus/subject.js';
import { toToken } from '../../src/bus/subject-token.js';

const text = fc.constantFrom('a', 'b', 'aa', 'ab', '', '_', 'é', '.');
const textOrNull = fc.option(text);
const event: fc.Arbitrary<MirroredEvent> = fc
  .record({
    position: fc.integer({ min: 1 }),
    event_id: fc.uuid(),
    received_at: fc.constant('2026-11-23T22:46:00.123Z'),
    source: text,
    workspace_id: textOrNull,
    customer_id: textOrNull,
    event: text,
    integration_id: textOrNull,
    resource_type: textOrNull,
    resource_id: textOrNull,
    body: fc.string(),
  })
  .map(({ body, ...columns }) => {
    const bytes = Buffer.from(`<${body}>    `);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return { ...columns, body, raw: { bytes, view, start: 1, end: bytes.length - 5 } };
  });

function headersIn(head: string): Record<string, string> {
  const [first, ...lines] = head.split('\r\n');
  t.equal(first, 'NATS/1.0');
  t.same(lines.splice(-2), ['', ''], 'an empty line ends the block');
  return Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2)));
}

function aboutOf({ integration_id, resource_type, resource_id }: MirroredEvent): string | undefined {
  const parts = [integration_id, resource_type, resource_id];
  while (parts.at(-1) === null) parts.pop();
  return parts.length > 0 ? parts.map(toToken).join('/') : undefined;
}

t.test('a message says what its event says, whatever came before that is much like it', async (t) => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 2, maxLength: 20 }), (events) => {
      for (const [index, one] of events.entries()) {
        const previousId = events[index - 1]?.event_id;
        const { id, subject, head, data } = toMessage(one, 1024 * 1024, previousId);
        const about = aboutOf(one);
        if (id !== one.event_id || subject !== subjectOf(one)) return false;
        if (!one.raw.bytes.subarray(one.raw.start, one.raw.end).equals(data)) return false;
        t.strictSame(headersIn(head), {
          'ce-specversion': '1.0',
          'ce-id': one.event_id,
          'ce-source': `/hookfold/${toToken(one.source)}`,
          'ce-type': `munity.${toToken(one.event)}`,
          'ce-time': one.received_at,
          ...(about === undefined ? {} : { 'ce-subject': about }),
          'content-type': 'application/json',
          'Hookfold-Position': String(one.position),
          'Nats-Msg-Id': one.event_id,
          'Nats-Expected-Last-Sequence': String(one.position - 1),
          ...(previousId === undefined ? {} : { 'Nats-Expected-Last-Msg-Id': previousId }),
        });
      }
      return true;
    }),
    { numRuns: 200 },
  );
});
