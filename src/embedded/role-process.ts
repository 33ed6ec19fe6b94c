// A role of ours (ingest, projector, query) as a child process that is started again when it crashes. It ends by
// itself when the channel to us closes, so that none is left over if we are killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { identify, type ProcessIdentity } from './process-identity.js';
import { lastLines } from './server-process.js';

/** `program` is the compiled main file; `say` is told of crashes; `changed` when the process is another one. */
export interface RoleOptions {
  role: string;
  program: string;
  environment: NodeJS.ProcessEnv;
  logFile: string;
  say(line: string): void;
  changed(): void;
}

export interface RoleProcess {
  role: string;
  /** Resolves when the role said that it runs; throws with its last lines if it ended before. */
  start(): Promise<void>;
  /** SIGTERM, and SIGKILL after `withinMs`. No restart from here on. */
  stop(withinMs: number): Promise<void>;
  identity(): ProcessIdentity | undefined;
}

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
const STEADY_AFTER_MS = 30_000;
const READY_WITHIN_MS = 60_000;

/** Nothing runs until `start`. */
export function createRoleProcess(options: RoleOptions): RoleProcess {
  const { role, say } = options;
  const stopping = new AbortController();
  let child: ChildProcess | undefined;
  let delayMs = FIRST_DELAY_MS;

  const launch = () => {
    const launched = spawnRole(options);
    const launchedAt = Date.now();
    child = launched;
    launched.once('exit', (code, signal) => {
      if (Date.now() - launchedAt > STEADY_AFTER_MS) delayMs = FIRST_DELAY_MS;
      launchAgain(describeExit(code, signal));
    });
    // A process that never was has no exit. Of one that runs, an error is no end.
    launched.once('error', (error) => {
      if (launched.pid === undefined) launchAgain(describeFailure(error));
    });
    return launched;
  };
  const launchAgain = async (how: string) => {
    if (stopping.signal.aborted) return;
    say(`${role} ${how}; starting it again in ${delayMs / 1000} s (${options.logFile})`);
    const waited = await delay(delayMs, true, { signal: stopping.signal }).catch(() => false);
    delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS);
    if (!waited) return;
    try {
      untilReady(launch(), role).then(
        () => say(`${role} runs again`),
        () => {}, // It was said when it ended.
      );
    } catch (error) {
      return launchAgain(describeFailure(error as Error));
    }
    tellOfChange();
  };
  const tellOfChange = () => {
    try {
      options.changed();
    } catch (error) {
      say(`${role} is another process, which could not be written down: ${(error as Error).message}`);
    }
  };

  return {
    role,
    identity: () => (child && isAlive(child) ? identify(child.pid!) : undefined),
    start: async () => {
      const launched = launch();
      options.changed();
      try {
        await untilReady(launched, role);
      } catch (error) {
        stopping.abort();
        throw new Error(`${(error as Error).message}. It said:\n${lastLines(options.logFile)}`, {
          cause: error,
        });
      }
    },
    stop: async (withinMs) => {
      stopping.abort();
      if (child && isAlive(child)) await end(child, withinMs);
    },
  };
}

function spawnRole({ role, program, environment, logFile }: RoleOptions): ChildProcess {
  const log = openSync(logFile, 'a', 0o600);
  // A group of its own: a terminal's Ctrl-C reaches us only, and we stop the roles in their order.
  const child = spawn(process.execPath, [program, role], {
    env: environment,
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  child.on('error', () => {}); // Later ones than the first, too, would else end us.
  return child;
}

function untilReady(child: ChildProcess, role: string): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const patience = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${role} did not get ready within ${READY_WITHIN_MS / 1000} s`));
    }, READY_WITHIN_MS);
    const settle = (act: () => void) => () => {
      clearTimeout(patience);
      act();
    };
    child.once('message', settle(resolve));
    child.once(
      'error',
      settle(() => reject(new Error(`${role} could not be run`))),
    );
    child.once('exit', (code, signal) =>
      settle(() => reject(new Error(`${role} ${describeExit(code, signal)}`)))(),
    );
  });
}

async function end(child: ChildProcess, withinMs: number): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), withinMs);
  await exit;
  clearTimeout(patience);
}

function isAlive(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function describeFailure(error: Error): string {
  return `could not be run: ${error.message}`;
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal ? `was ended by ${signal}` : `ended with code ${code}`;
}
