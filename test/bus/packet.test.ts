import { connect } from 'nats';
import t from 'tap';
import type { BusMessage } from '../../src/bus/message.js';
import { createPacket } from '../../src/bus/packet.js';
import { createTestBus } from '../support/test-bus.js';

const message = (number: number, bytes: number): BusMessage => ({
  id: String(number),
  subject: `packet.${number}`,
  head: `NATS/1.0\r\nNumber: ${number}\r\n\r\n`,
  data: Buffer.alloc(bytes, number),
});

t.test('messages of a packet arrive whole, and in the order of publishing', async (t) => {
  const { url } = await createTestBus(t);
  const connection = await connect({ servers: url });
  t.teardown(() => connection.close());
  const subscription = connection.subscribe('packet.>', { max: 205 });
  const sizes = [...Array.from({ length: 200 }, (_, index) => index * 30), 300_000, 0];

  connection.publish('packet.before');
  const packet = createPacket();
  packet.publish(connection);
  for (const [number, bytes] of sizes.entries()) packet.add(message(number, bytes));
  packet.publish(connection);
  connection.publish('packet.behind');
  await connection.flush();
  packet.clear();
  packet.add(message(7, 7));
  packet.publish(connection);

  const found: unknown[] = [];
  for await (const { subject, headers, data } of subscription) {
    const number = Number(headers?.get('Number'));
    if (data.some((byte) => byte !== number % 256)) t.fail(`${subject} has other bytes`);
    found.push([subject, data.length]);
  }
  t.same(found, [
    ['packet.before', 0],
    ...sizes.map((bytes, number) => [`packet.${number}`, bytes]),
    ['packet.behind', 0],
    ['packet.7', 7],
  ]);
});
