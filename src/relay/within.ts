import { setTimeout as delay } from 'node:timers/promises';

/** What `work` resolves with, or `otherwise` after `ms`; it is then left to itself. Keeps no process alive. */
export function within<Result>(ms: number, work: Promise<Result>, otherwise: Result): Promise<Result> {
  return Promise.race([work, delay(ms, otherwise, { ref: false })]);
}
