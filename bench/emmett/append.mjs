// Emmett's appendToStream from many callers at once. A stream an integration, or one a resource; an append that loses
// the race for its stream is tried again, any other error ends it. A part of the events is appended before the clock
// starts, so that code and connections are warm. Prints {"seconds", "retries"}.
import { readFileSync } from 'node:fs';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';

/** `errorCode` of what Emmett throws where another append came first. */
const CONFLICT = 412;

const { url, bodies, inFlight, streamOf } = JSON.parse(readFileSync(0, 'utf8'));
const events = bodies.map((body) => {
  const data = JSON.parse(body);
  const { id, type, resource_id } = data.payload;
  const stream =
    streamOf === 'resource' ? `resource-${id}-${type}-${resource_id}` : `integration-${id ?? 'none'}`;
  return { stream, event: { type: data.event, data } };
});

const store = getPostgreSQLEventStore(url);
await store.schema.migrate();

let retries = 0;

async function append({ stream, event }) {
  for (;;) {
    try {
      return await store.appendToStream(stream, [event]);
    } catch (error) {
      if (error.errorCode !== CONFLICT) throw error;
      retries += 1;
    }
  }
}

async function appendAll(events) {
  let next = 0;
  const caller = async () => {
    while (next < events.length) await append(events[next++]);
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
}

await appendAll(events.slice(0, Math.ceil(events.length / 10)));
retries = 0;
const started = performance.now();
await appendAll(events);
const seconds = (performance.now() - started) / 1000;
await store.close();
process.stdout.write(JSON.stringify({ seconds, retries }));
