/** A wait that can be cut short. */
export interface Alarm {
  /** Ends the wait; where nobody waits, the next wait ends at once. */
  ring(): void;
  /** Resolves after `ms`, or at a ring. One waits at a time. */
  wait(ms: number): Promise<void>;
}

/** An alarm that has not rung. */
export function createAlarm(): Alarm {
  let rung = false;
  let wake: (() => void) | undefined;

  function ring(): void {
    rung = true;
    wake?.();
  }

  async function wait(ms: number): Promise<void> {
    if (!rung)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    wake = undefined;
    rung = false;
  }

  return { ring, wait };
}
