// A way to a server that can fall silent: what is under way on it is lost without a word, as when a host vanishes.
import { connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

export interface SilentWay {
  /** The same URL by this way. */
  url: string;
  /** Connections that are open now carry nothing any more, and do not end. New ones do. */
  fallSilent(): void;
}

/** A way to the host and port of `url`; closed with the test. */
export async function createSilentWay(t: Pick<Test, 'teardown'>, url: string): Promise<SilentWay> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const by = new URL(url);
  by.hostname = '127.0.0.1';
  by.port = String((server.address() as { port: number }).port);
  const fallSilent = () => {
    for (const socket of open) socket.unpipe().pause();
  };
  return { url: by.href, fallSilent };
}
