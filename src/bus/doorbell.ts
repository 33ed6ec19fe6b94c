// The doorbell: says that there are new events, and up to which position. It is a hint that may be lost; who hears
// it reads the log, and reads it from time to time without.
import type { Bus } from './connect.js';

/** The core subject of the doorbell, outside the stream. Its payload is a position in decimal digits. */
export const DOORBELL_SUBJECT = 'hookfold.doorbell';

/** Rings for everyone on the bus. Does nothing while the bus is away. */
export function ring(bus: Bus, position: number): void {
  const connection = bus.connection();
  if (connection && !connection.isClosed() && !connection.isDraining())
    connection.publish(DOORBELL_SUBJECT, String(position));
}

/** Calls `listener` with the position at each ring, until the bus is stopped. */
export function onRing(bus: Bus, listener: (position: number) => void): void {
  bus.onConnection((connection) => {
    connection.subscribe(DOORBELL_SUBJECT, {
      callback: (error, message) => {
        const position = Number(error ? Number.NaN : message.string());
        if (Number.isSafeInteger(position)) listener(position);
      },
    });
  });
}
