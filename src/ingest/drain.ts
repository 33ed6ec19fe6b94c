// Taking a door out of service. A connection that is kept open may have a request on its way at any moment, and its
// sender would not send it again: closed by us in that moment, the webhook is lost. So every answer says first that
// it is the connection's last (`Connection: close`), while the door goes on listening: for who has not heard yet that
// it is not ready, too, and however idle it is.
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface Drain {
  /** True from the first `end` on. */
  hasBegun(): boolean;
  /** Has each connection end with its next answer; resolves after `forMs`. */
  end(forMs: number): Promise<void>;
}

/** Follows the connections of `server`, which its caller closes after `end`. */
export function createDrain(server: Server): Drain {
  /** The connections that are open, each with its last request's response. */
  const open = new Map<Socket, ServerResponse>();
  let draining = false;

  server.on('connection', (socket) => socket.once('close', () => open.delete(socket)));
  // Before the server's own listener, which may answer at once.
  server.prependListener('request', (request, response) => {
    open.set(request.socket, response);
    if (draining) response.shouldKeepAlive = false;
  });

  return {
    hasBegun: () => draining,
    async end(forMs) {
      draining = true;
      for (const response of open.values()) response.shouldKeepAlive = false;
      await delay(forMs);
    },
  };
}
