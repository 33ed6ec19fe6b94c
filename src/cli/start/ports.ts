import { findFreePort, isPortFree } from '../../embedded/free-port.js';
import type { CommandContext } from '../context.js';

export interface Ports {
  INGEST_PORT: number;
  QUERY_PORT: number;
  PROJECTOR_PORT: number;
}

/** The port of each role: as configured, a free one for 0. Throws naming the variable whose port is taken. */
export async function choosePorts({ configuration }: CommandContext): Promise<Ports> {
  const choose = async (variable: keyof Ports) => {
    const port = configuration[variable];
    if (port === 0) return findFreePort();
    if (await isPortFree(port, configuration.HOST)) return port;
    throw new Error(
      `port ${port} of ${configuration.HOST} is taken by another program, or may not be used. ` +
        `Set ${variable} to a free one: ${variable}=${port + 1000} npm start`,
    );
  };
  return {
    INGEST_PORT: await choose('INGEST_PORT'),
    QUERY_PORT: await choose('QUERY_PORT'),
    PROJECTOR_PORT: await choose('PROJECTOR_PORT'),
  };
}

/** The URL to reach a port of ours at, from this machine. */
export function urlOf({ configuration }: CommandContext, port: number): string {
  const { HOST } = configuration;
  const host = HOST === '0.0.0.0' || HOST === '::' ? '127.0.0.1' : HOST.includes(':') ? `[${HOST}]` : HOST;
  return `http://${host}:${port}`;
}
