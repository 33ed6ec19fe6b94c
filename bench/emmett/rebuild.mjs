// Emmett's rebuild of the resource model: its events appended first (not measured), then
// rebuildPostgreSQLProjections. Prints {"seconds"}; the documents are in the table `resource_v1`.
import { readFileSync } from 'node:fs';
import {
  getPostgreSQLEventStore,
  pongoMultiStreamProjection,
  rebuildPostgreSQLProjections,
} from '@event-driven-io/emmett-postgresql';

const { url, bodies } = JSON.parse(readFileSync(0, 'utf8'));

const KINDS = [
  'integration_new_data_model',
  'integration_updated_data_model',
  'integration_deleted_data_model',
];

const resources = pongoMultiStreamProjection({
  collectionName: 'resource',
  version: 1,
  canHandle: KINDS,
  getDocumentId: ({ data: { payload } }) => `${payload.id}/${payload.type}/${payload.resource_id}`,
  evolve: (document, { type, data: { payload, customer_id } }) => {
    const before = document ?? { updateCount: 0, staleCount: 0 };
    if (type === KINDS[0]) return { ...before, customer_id, status: 'present' };
    if (type === KINDS[2]) return { ...before, customer_id, status: 'deleted', data: null };
    const { data, diff } = payload;
    return {
      ...before,
      customer_id,
      status: 'present',
      data,
      lastDiff: diff,
      updateCount: before.updateCount + 1,
    };
  },
});

const store = getPostgreSQLEventStore(url);
await store.schema.migrate();
const streams = new Map();
for (const body of bodies) {
  const data = JSON.parse(body);
  const name = `integration-${data.payload.id ?? 'none'}`;
  if (!streams.has(name)) streams.set(name, []);
  streams.get(name).push({ type: data.event, data });
}
for (const [name, events] of streams)
  for (let at = 0; at < events.length; at += 500)
    await store.appendToStream(name, events.slice(at, at + 500));

const consumer = rebuildPostgreSQLProjections({ connectionString: url, projection: resources });
const started = performance.now();
await consumer.start();
const seconds = (performance.now() - started) / 1000;
await consumer.close();
await store.close();
process.stdout.write(JSON.stringify({ seconds }));
process.exit(0);
