// One `hookfold start` a home. Each start puts a file of its own name into `home/starts`, then looks for others: of
// two at once at least one sees the other, and a file whose process is gone can be removed by anyone, since that
// name is never used again. (Node has no flock; a lock file taken over when stale can be taken over twice.)
import { randomInt } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identify, isSameProcess, type ProcessIdentity } from './process-identity.js';

/** Takes the home for this process, or throws naming the process that has it. Answers how to give it back. */
export async function lockHome(home: string): Promise<() => void> {
  const folder = join(home, 'starts');
  mkdirSync(folder, { recursive: true });
  const own = join(folder, nameOf(identify(process.pid)));
  for (let left = 5; ; left--) {
    writeFileSync(own, '');
    const other = findOther(folder);
    if (!other) return () => rmSync(own, { force: true });
    rmSync(own);
    if (left === 0)
      throw new Error(
        `another hookfold start (process ${other.pid}) runs in ${home}. ` +
          'Use that one, end it first, or set HOOKFOLD_DATA to another folder.',
      );
    await delay(randomInt(20, 120)); // Two that saw each other do not come back together.
  }
}

function findOther(folder: string): ProcessIdentity | undefined {
  for (const name of readdirSync(folder)) {
    const [pid, startedAt = ''] = name.split('_');
    const identity = { pid: Number(pid), startedAt };
    if (identity.pid === process.pid) continue;
    if (isSameProcess(identity)) return identity;
    rmSync(join(folder, name), { force: true });
  }
  return undefined;
}

const nameOf = ({ pid, startedAt }: ProcessIdentity) => `${pid}_${startedAt}`;
