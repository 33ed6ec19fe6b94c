// Taking a door out of service. A connection that is kept open may have a request on its way at any moment, and its
// sender would not send it again: closed by us in that moment, the webhook is lost. So every answer says first that
// it is the connection's last (`Connection: close`), while the door goes on listening.
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createPause } from '../pause.js';

export interface Drain {
  /** True from the first `end` on. */
  hasBegun(): boolean;
  /** Has each connection end with its next answer; resolves when none is left, or after `withinMs`. */
  end(withinMs: number): Promise<void>;
}

/** Follows the connections of `server`, which its caller closes after `end`. */
export function createDrain(server: Server): Drain {
  /** The connections that are open, each with its last request's response. */
  const open = new Map<Socket, ServerResponse | undefined>();
  const pause = createPause();
  let draining = false;

  server.on('connection', (socket) => {
    open.set(socket, undefined);
    socket.once('close', () => {
      open.delete(socket);
      if (draining && open.size === 0) pause.end();
    });
  });
  // Before the server's own listener, which may answer at once.
  server.prependListener('request', (request, response) => {
    open.set(request.socket, response);
    if (draining) response.shouldKeepAlive = false;
  });

  return {
    hasBegun: () => draining,
    async end(withinMs) {
      draining = true;
      for (const response of open.values()) if (response) response.shouldKeepAlive = false;
      // A turn of the event loop, so that who has just connected is met.
      await new Promise(setImmediate);
      if (open.size > 0) await pause.for(withinMs);
    },
  };
}
