import { readFileSync } from 'node:fs';
import { isRunning } from './orphan.js';

/** A process, told apart from a later one of the same pid by when it started. */
export interface ProcessIdentity {
  pid: number;
  startedAt: string;
}

/** The identity of a process that runs now. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startedAt: startOf(pid) };
}

/** True while that very process runs. */
export function isSameProcess({ pid, startedAt }: ProcessIdentity): boolean {
  return isRunning(pid) && startOf(pid) === startedAt;
}

// Field 22 of /proc/<pid>/stat (after the name, which may hold anything): ticks from boot to start; empty where there
// is no /proc. The boot is part of it, since pid and ticks repeat after a reboot.
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}@${boot}`;
  } catch {
    return '';
  }
}
