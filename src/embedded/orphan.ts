// Servers that a killed supervisor left behind: found by the pid they wrote down, recognised by their command line.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** The pid on the first line of `pidFile`, if that process lives and its command line contains `mark`. */
export function findOrphan(pidFile: string, mark: string): number | undefined {
  if (!existsSync(pidFile)) return undefined;
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  if (!(pid > 1) || !isRunning(pid)) return undefined;
  return commandLine(pid).includes(mark) ? pid : undefined;
}

/** Ends a process that is no child of ours by `signals` in turn; throws if it survives them all. */
export async function endOrphan(
  pid: number,
  signals: readonly NodeJS.Signals[],
  withinMs = 8_000,
): Promise<void> {
  for (const signal of signals) {
    sendSignal(pid, signal);
    if (await hasEnded(pid, withinMs)) return;
  }
  throw new Error(`process ${pid}, left by an earlier start, does not end. End it by hand: kill -9 ${pid}`);
}

/** Resolves with true when a process has ended, by itself or not, with false where it has not `withinMs`. */
export async function hasEnded(pid: number, withinMs: number): Promise<boolean> {
  for (const until = Date.now() + withinMs; Date.now() < until; await delay(25))
    if (!isRunning(pid)) return true;
  return false;
}

/** True while the process exists, as another user's too; a zombie counts as ended. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return !isZombie(pid);
}

// An orphan whose new parent never reaps it (a container without an init) stays as a zombie for ever.
function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function commandLine(pid: number): string {
  try {
    if (existsSync('/proc/self/cmdline'))
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}
