import type pg from 'pg';
import { noteSecretsUsed } from '../log/source.js';

/** Notes that secrets were used: a set in memory on the way of a request, a statement every few seconds. */
export function createUseNotes(pool: pg.Pool, everyMs = 5000) {
  const used = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const write = () => {
    if (used.size === 0) return;
    const ids = [...used];
    used.clear();
    // Where it fails the next use is noted again: it is for people to look at, and nothing hangs on it.
    writing = noteSecretsUsed(pool, ids).catch(() => {});
  };
  return {
    onUsed: (secretId: string) => void used.add(secretId),
    async start() {
      timer ??= setInterval(write, everyMs).unref();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      write();
      await writing;
    },
  };
}
