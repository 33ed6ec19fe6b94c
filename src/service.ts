/**
 * A long-running part. `start` resolves when it runs, `stop` when it has finished what was in flight; both may be
 * called again. A part that failed to start is stopped.
 */
export interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Several services as one: started in order, stopped in the opposite order; a failed start stops those before. */
export function createServiceGroup(services: readonly Service[]): Service {
  const stop = async () => {
    for (const service of [...services].reverse()) await service.stop();
  };
  const start = async () => {
    try {
      for (const service of services) await service.start();
    } catch (error) {
      await stop();
      throw error;
    }
  };
  return { start, stop };
}
