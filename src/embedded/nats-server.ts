// nats-server with JetStream for one machine. In: a home folder. Out: a URL that answers. The streams outlive every
// stop, crash and kill; a server that a killed process left behind is ended first.
import { randomUUID } from 'node:crypto';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findProgram } from './find-program.js';
import { findFreePort } from './free-port.js';
import { type NatsInfo, readNatsInfo } from './nats-info.js';
import { endOrphan, findOrphan } from './orphan.js';
import { lastLines, type ServerProcess, startServerProcess } from './server-process.js';
import { unlessAborted } from './unless-aborted.js';

/**
 * `port` 0 (default) takes a free one. `maxPayload` in bytes. `signal` gives the start up, and ends what it began; it does
 * nothing later.
 */
export interface NatsOptions {
  home: string;
  port?: number;
  maxPayload?: number;
  signal?: AbortSignal;
}

/** A running server, on 127.0.0.1 only. */
export interface NatsServer {
  url: string;
  port: number;
  pid: number;
  version: string;
  storeDir: string;
  /** Resolves when the process has ended, for whatever reason, with a line that says how. */
  exited: Promise<string>;
  /** SIGTERM; after `withinMs` (4 s) as `kill`. */
  stop(withinMs?: number): Promise<void>;
  /** As a crash would: SIGKILL. */
  kill(): Promise<void>;
}

const ORPHAN_WITHIN_MS = 2_000;

/**
 * Starts nats-server on the streams in `home`; resolves when it answers, which is when it has recovered them, however long
 * that takes. Throws if the program is not installed, or ends.
 */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const program = findProgram('nats-server');
  if (!program)
    throw new Error('nats-server is not installed: it is not on PATH. Debian: apt-get install nats-server');
  mkdirSync(options.home, { recursive: true });
  const home = realpathSync(options.home);
  await unlessAborted(options.signal, () => endNatsLeftBehind(home));
  for (let left = 4; ; left--) {
    try {
      return await startOnce(program, home, options);
    } catch (error) {
      // A free port may be gone before it is used.
      if (left === 0 || options.signal?.aborted) throw error;
      await delay(150);
    }
  }
}

/** Ends a nats-server of this home, a folder that is there, whose supervisor was killed. */
export async function endNatsLeftBehind(home: string): Promise<void> {
  const place = realpathSync(home);
  const orphan = findOrphan(join(place, 'nats.pid'), join(place, 'nats.conf'));
  if (orphan !== undefined) await endOrphan(orphan, ['SIGTERM', 'SIGKILL'], ORPHAN_WITHIN_MS);
}

async function startOnce(program: string, home: string, options: NatsOptions): Promise<NatsServer> {
  const port = options.port || (await findFreePort());
  const storeDir = join(home, 'nats');
  const configuration = join(home, 'nats.conf');
  const logFile = join(home, 'nats.log');
  const name = `hookfold-${randomUUID()}`;
  writeFileSync(configuration, configurationText(name, port, storeDir, options.maxPayload), { mode: 0o600 });
  const server = await startServerProcess({ command: program, args: ['-c', configuration], logFile });
  writeFileSync(join(home, 'nats.pid'), `${server.pid}\n`);
  const end = (withinMs: number) =>
    server.end([
      { signal: 'SIGTERM', withinMs },
      { signal: 'SIGKILL', withinMs: 2_000 },
    ]);
  const { version } = await unlessAborted(options.signal, () =>
    untilItAnswers(server, { name, port, logFile }),
  ).catch(async (error) => {
    await end(500);
    throw error;
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    pid: server.pid,
    version,
    storeDir,
    exited: server.exited,
    stop: (withinMs = 4_000) => end(withinMs),
    kill: () => server.end([{ signal: 'SIGKILL', withinMs: 5_000 }]),
  };
}

function configurationText(name: string, port: number, storeDir: string, maxPayload?: number): string {
  const lines = [
    `server_name: ${name}`,
    `listen: "127.0.0.1:${port}"`,
    `jetstream { store_dir: ${JSON.stringify(storeDir)} }`,
  ];
  if (maxPayload !== undefined) lines.push(`max_payload: ${maxPayload}`);
  return `${lines.join('\n')}\n`;
}

// By its name: on a port that was taken meanwhile another one answers, while ours is about to end.
async function untilItAnswers(
  server: ServerProcess,
  { name, port, logFile }: { name: string; port: number; logFile: string },
): Promise<NatsInfo> {
  for (; server.isAlive(); await delay(20)) {
    const info = await readNatsInfo(port).catch(() => undefined);
    if (info?.server_name === name) return info;
  }
  throw new Error(`nats-server ${await server.exited} while starting. It said:\n${lastLines(logFile)}`);
}
