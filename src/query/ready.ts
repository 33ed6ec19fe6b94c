import { PROJECTIONS } from '../../projections/index.js';
import { readHead } from '../log/read-log.js';
import type { Databases } from './deps.js';
import { modelOf, readModelPositions } from './positions.js';

/** Resolves when the role can do its work: both databases answer, and every read model is built in the version of this code. */
export async function assertReady({ log, read }: Databases): Promise<void> {
  const [positions] = await Promise.all([readModelPositions(read), readHead(log)]);
  const missing = PROJECTIONS.map(modelOf).filter((model) => !positions.has(model));
  if (missing.length > 0)
    throw new Error(`not built yet: ${missing.join(', ')}; a projector of this version builds them`);
}
