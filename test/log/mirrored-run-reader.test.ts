import t from 'tap';
import type { MirroredEvent } from '../../schemas/logged-event.js';
import { createMirroredRunReader } from '../../src/log/mirrored-run-reader.js';
import { readAfter } from '../../src/log/read-log.js';
import { appendBodies, appendFixture } from '../relay/mirrored-log.js';
import { createTestDatabase } from '../support/test-database.js';

function asRead(event: MirroredEvent) {
  const { position, event_id, received_at, source, workspace_id, customer_id } = event;
  const { event: name, integration_id, resource_type, resource_id, raw } = event;
  return {
    ...{ position, event_id, received_at, source, workspace_id, customer_id },
    ...{ event: name, integration_id, resource_type, resource_id },
    body: raw.bytes.toString('utf8', raw.start, raw.end),
  };
}

t.test('a run by COPY is the run by SELECT, column for column', async (t) => {
  const { pool } = await createTestDatabase(t);
  await appendFixture(pool, 200);
  await appendBodies(pool, [
    '{"event": "e", "payload": {"id": "İé😀", "type": "", "resource_id": "é"}}',
    `{"event": "", "workspace_id": "${'w'.repeat(300)}", "payload": {}}`,
    `{"event": "e", "payload": {"id": "i", "resource_id": "${'r'.repeat(70_000)}"}}`,
  ]);
  const limits = { events: 300, bytes: 1024 * 1024 };
  const logged = await readAfter(pool, 0, 300);
  t.equal(logged.length, 203);
  const { events, isFull } = await createMirroredRunReader(pool)(0, limits);
  t.equal(isFull, false);
  const found = events.map(asRead);
  t.same(
    found,
    logged.map(({ state: _, ...event }) => event),
  );
});

t.test('a run stays as it is while the next is read', async (t) => {
  const { pool } = await createTestDatabase(t);
  await appendFixture(pool, 40);
  const readMirrored = createMirroredRunReader(pool);
  const limits = { events: 10, bytes: 1024 * 1024 };
  const wanted = await readAfter(pool, 0, 40);
  const runs = [readMirrored(0, limits)];
  const bodies: string[] = [];
  for (let position = 10; position <= 40; position += 10) {
    const { events } = await runs.shift()!;
    runs.push(readMirrored(position, limits));
    await runs[0];
    bodies.push(...events.map((event) => asRead(event).body));
  }
  t.same(
    bodies,
    wanted.map(({ body }) => body),
  );
});
