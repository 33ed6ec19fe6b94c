// A measurement in a process of its own: its memory is its own, and no garbage of another turn is collected in it.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BEGUN = 'begun';

/** Runs the compiled script beside this file with `order`, and answers what it sends. `onBegun`: see `answerParent`. */
export function runChild<Order extends object, Answer>(
  script: string,
  order: Order,
  onBegun = () => {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL(script, import.meta.url)), {
      execArgv: process.execArgv,
      serialization: 'advanced',
    });
    let answer: Answer | undefined;
    child.on('message', (message) => {
      if (message === BEGUN) onBegun();
      else answer = message as Answer;
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (answer !== undefined) resolve(answer);
      else reject(new Error(`${script} ended with ${code} before it answered`));
    });
    child.send(order);
  });
}

/** In the script: takes the order, works, answers, ends. `begun` tells the parent that what it prepared is ready. */
export function answerParent<Order, Answer>(
  work: (order: Order, begun: () => void) => Promise<Answer>,
): void {
  process.once('message', async (order) => {
    const answer = await work(order as Order, () => process.send?.(BEGUN));
    process.send?.(answer as object, () => process.disconnect());
  });
}
