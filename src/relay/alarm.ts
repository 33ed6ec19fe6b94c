import { createPause } from '../pause.js';

/** A wait that can be ended early, even before it begins. */
export interface Alarm {
  /** Ends the wait; where nobody waits, the next wait ends at once. */
  ring(): void;
  /** Resolves after `ms`, or at a ring. One waits at a time. */
  wait(ms: number): Promise<void>;
}

/** An alarm that has not rung. */
export function createAlarm(): Alarm {
  const pause = createPause();
  let rung = false;

  return {
    ring() {
      rung = true;
      pause.end();
    },
    async wait(ms) {
      if (!rung) await pause.for(ms);
      rung = false;
    },
  };
}
