// Read models that cannot be followed for a reason of their own: their table cannot be made, say, or their checkpoints are
// gone. The others do not wait for them; they are asked for again after a while.
import type { FastifyBaseLogger } from 'fastify';
import { type Fault, isLasting } from './faults.js';
import { isOfPart } from './part-failed.js';

export interface LeftOut {
  /**
   * What the work for a read model answers; it is left out no longer then. Undefined where it fails for a reason of the read
   * model's own, which is told, or has so a moment ago. Throws what is of all.
   */
  try<T>(name: string, work: () => Promise<T>): Promise<T | undefined>;
  /** Those that are left out, and why. */
  faults(): readonly Fault[];
}

const AGAIN_MS = 5000;

/** Nobody is left out yet. */
export function createLeftOut(logger: FastifyBaseLogger): LeftOut {
  const left = new Map<string, Fault & { until: number }>();

  async function tryWork<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    if (performance.now() < (left.get(name)?.until ?? 0)) return undefined;
    try {
      const answer = await work();
      left.delete(name);
      return answer;
    } catch (error) {
      if (!isOfPart(error) && !isLasting(error)) throw error;
      left.set(name, { name, cause: error as Error, until: performance.now() + AGAIN_MS });
      logger.error({ err: error, projections: [name] }, 'a read model cannot be followed; the others go on');
      return undefined;
    }
  }

  return { try: tryWork, faults: () => [...left.values()] };
}
