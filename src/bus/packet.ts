// Messages as one piece of NATS' protocol. A client's `publish` hands four buffers a message over, which it joins and
// copies again before they are written; a run of messages made here is one buffer, written as it is.
import type { NatsConnection } from 'nats';
import type { BusMessage } from './message.js';

/** Messages behind each other, as the server reads them. */
export interface Packet {
  add(message: BusMessage): void;
  /** Hands all that was added to the connection, before anything published later. Not to be reused before the server has it. */
  publish(connection: NatsConnection): void;
  /** Takes everything out, and keeps the memory. */
  clear(): void;
  /** Of its memory. */
  bytes(): number;
}

const FIRST_BYTES = 64 * 1024;
const CR = 13;
const LF = 10;

/** An empty packet. */
export function createPacket(): Packet {
  let bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  let used = 0;

  function add({ subject, head, data }: BusMessage): void {
    const text = `HPUB ${subject} ${head.length} ${head.length + data.length}\r\n${head}`;
    const needed = used + text.length + data.length + 2;
    if (needed > bytes.length) bytes = enlarged(bytes, used, needed);
    used += bytes.write(text, used, 'latin1');
    bytes.set(data, used);
    used += data.length;
    bytes[used++] = CR;
    bytes[used++] = LF;
  }

  return {
    add,
    publish(connection) {
      if (used === 0) return;
      const { protocol } = connection as unknown as Internals;
      protocol.sendCommand(bytes.subarray(0, used));
      // Alone in what waits to be written, it is not copied.
      protocol.flushPending();
    },
    clear: () => {
      used = 0;
    },
    bytes: () => bytes.length,
  };
}

// What `publish` itself does with what it has made. nats.js is at its last version, and package.json names that one.
interface Internals {
  protocol: { sendCommand(command: Uint8Array): void; flushPending(): void };
}

function enlarged(bytes: Buffer, used: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * bytes.length));
  bytes.copy(larger, 0, 0, used);
  return larger;
}
