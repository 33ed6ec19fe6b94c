// A process of its own that appends: `count` events in batches of `batch`, by `source`; says 'done' to its parent.

import { createAppender } from '../../src/log/appender.js';
import { createEvent } from '../../src/log/new-event.js';
import { createPool } from '../../src/postgres/connect.js';

const [databaseUrl, source, count, waitsFor] = process.argv.slice(2);
const pool = createPool(databaseUrl!, { max: 2 });
const appender = createAppender({ pool, limits: { batchEvents: 40 } });
if (waitsFor) await new Promise((resolve) => process.once('message', resolve));
const received_at = new Date().toISOString();
const events = Array.from({ length: Number(count) }, (_, index) => {
  const webhook = { event: 'x', payload: { n: index } };
  const delivery_id = waitsFor ? `same-${index}` : null;
  return createEvent(webhook, Buffer.from(JSON.stringify(webhook)), {
    source: source!,
    received_at,
    delivery_id,
  });
});
const appended = await Promise.all(events.map((event) => appender.append(event)));
process.send!(appended.map(({ position, duplicate }) => ({ position, duplicate })));
await pool.end();
process.disconnect();
