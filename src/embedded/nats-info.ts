import { connect } from 'node:net';

/** What a nats-server says of itself when a client comes. https://docs.nats.io/reference/reference-protocols/nats-protocol#info */
export interface NatsInfo {
  server_name: string;
  version: string;
  max_payload: number;
  jetstream?: boolean;
}

/** Reads the first line that the server on `port` of 127.0.0.1 sends, within two seconds. */
export function readNatsInfo(port: number): Promise<NatsInfo> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 2_000 });
    let text = '';
    socket.once('timeout', () => socket.destroy(new Error(`nothing was said on port ${port}`)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`port ${port} was closed before a full line`)));
    socket.on('data', (chunk) => {
      text += chunk;
      const end = text.indexOf('\r\n');
      if (end < 0) return;
      socket.destroy();
      if (text.startsWith('INFO ')) resolve(JSON.parse(text.slice(5, end)));
      else reject(new Error(`what listens on port ${port} is no nats-server: it said ${text.slice(0, 40)}`));
    });
  });
}
