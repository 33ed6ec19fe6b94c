// A server of another program (Postgres, nats-server) as a child process. It runs in a process group of its own, so
// that a terminal's Ctrl-C reaches only us, and writes to a file, so that it outlives us without a broken pipe.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** How a server is to be run; `uid` and `gid` only where root gives up its rights. */
export interface ServerCommand {
  command: string;
  args: readonly string[];
  logFile: string;
  uid?: number;
  gid?: number;
}

/** A running server. `exited` resolves once, with a line that says how it ended. */
export interface ServerProcess {
  pid: number;
  exited: Promise<string>;
  isAlive(): boolean;
  /** Sends `signals` one after the other, each with its time, until the process has ended. */
  end(signals: ReadonlyArray<{ signal: NodeJS.Signals; withinMs: number }>): Promise<void>;
}

const LOG_LIMIT_BYTES = 20_000_000;

/** Starts the server; throws where the command cannot be run at all. */
export async function startServerProcess(server: ServerCommand): Promise<ServerProcess> {
  const log = openSync(server.logFile, isTooLong(server.logFile) ? 'w' : 'a', 0o600);
  const child = spawn(server.command, server.args, {
    cwd: '/',
    env: serverEnvironment(),
    detached: true,
    stdio: ['ignore', log, log],
    ...(server.uid === undefined ? {} : { uid: server.uid, gid: server.gid }),
  });
  closeSync(log);
  const exited = exitOf(child);
  await spawned(child, server.command);
  return { pid: child.pid!, exited, isAlive: () => !hasEnded(child), end: (signals) => end(child, signals) };
}

/** What servers are started with: nothing of ours but the search path, so that PG* or NODE_* settings leave them alone. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

/** The last lines that a server wrote, for an error's text. */
export function lastLines(logFile: string, count = 8): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return '';
  }
}

function isTooLong(file: string): boolean {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT_BYTES;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be run: ${error.message}`));
    child.once('exit', (code, signal) => resolve(signal ? `ended by ${signal}` : `ended with code ${code}`));
  });
}

function spawned(child: ChildProcess, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new Error(`cannot run ${command}: ${cause.message}`, { cause })));
  });
}

async function end(
  child: ChildProcess,
  signals: ReadonlyArray<{ signal: NodeJS.Signals; withinMs: number }>,
): Promise<void> {
  for (const { signal, withinMs } of signals) {
    if (hasEnded(child)) return;
    const exit = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const patience = new AbortController();
    await Promise.race([exit, delay(withinMs, undefined, { signal: patience.signal }).catch(() => {})]);
    patience.abort();
  }
}
