/** A wait that can be ended early. */
export interface Pause {
  for(ms: number): Promise<void>;
  /** Ends the wait there is, if any. */
  end(): void;
}

/** A pause for one that waits. */
export function createPause(): Pause {
  let end = () => {};
  return {
    for: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        end = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
    end: () => end(),
  };
}
