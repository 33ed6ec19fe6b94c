import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

/**
 * Asks `condition` again and again until its answer is truthy, and gives that answer. Fails after `timeoutMs`
 * (default 15 s) with what it last answered or threw.
 */
export async function waitFor<Answer>(
  condition: () => Answer | Promise<Answer>,
  options: { timeoutMs?: number; everyMs?: number; what?: string } = {},
): Promise<Awaited<Answer> & {}> {
  const { timeoutMs = 15_000, everyMs = 20, what = condition.toString() } = options;
  let last: unknown;
  for (const until = Date.now() + timeoutMs; Date.now() < until; await delay(everyMs)) {
    try {
      const answer = await condition();
      if (answer) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}; last seen: ${inspect(last, { depth: 3 })}`);
}
