// Emmett's appendToStream from many callers at once. A stream an integration, as its docs would have it; an append
// that loses the race for the log is tried again. Prints {"seconds", "retries"}.
import { readFileSync } from 'node:fs';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';

const { url, bodies, inFlight } = JSON.parse(readFileSync(0, 'utf8'));
const events = bodies.map((body) => {
  const data = JSON.parse(body);
  return { stream: `integration-${data.payload.id ?? 'none'}`, event: { type: data.event, data } };
});

const store = getPostgreSQLEventStore(url);
await store.schema.migrate();

let next = 0;
let retries = 0;

async function append({ stream, event }) {
  for (;;) {
    try {
      return await store.appendToStream(stream, [event]);
    } catch (error) {
      retries += 1;
      if (retries > events.length * 100) throw error;
    }
  }
}

async function caller() {
  while (next < events.length) await append(events[next++]);
}

const started = performance.now();
await Promise.all(Array.from({ length: inFlight }, caller));
const seconds = (performance.now() - started) / 1000;
await store.close();
process.stdout.write(JSON.stringify({ seconds, retries }));
