// What changed in a read model between two positions: the rows of keys that had events in between, before and after.
import type pg from 'pg';
import type { AnyRow, Projection } from '../../projections/contract.js';
import { type Change, createFold, type Fold, type ParkedEvent } from '../../projections/fold.js';
import { isKeyedByResource } from '../../projections/key.js';
import { readEvent } from '../../projections/read-event.js';
import type { FoldedEvent } from '../../schemas/logged-event.js';
import { readHistory } from '../log/read-history.js';
import { readTouchedIntegrations, readTouchedResources } from '../log/read-touched.js';
import { readLog } from '../log/read-whole.js';
import { asServed } from '../read-models/as-served.js';
import type { Databases } from './deps.js';

export interface RowDiff {
  change: 'added' | 'removed' | 'changed';
  key: Change['key'];
  before: AnyRow | undefined;
  after: AnyRow | undefined;
}

export interface DiffRequest {
  from: number;
  to: number;
  /** Only rows of this integration. */
  integrationId?: string | undefined;
}

/**
 * The rows that differ between two positions. Of a projection keyed within an integration only the integrations that
 * had events in between are folded, one at a time (of resources, only those that had events, in groups); of another
 * one the whole log is. Throws, after the last row, where an event up to the second position is one that is parked, or would be.
 */
export async function* diffRows(
  { log, read }: Databases,
  projection: Projection,
  request: DiffRequest,
): AsyncGenerator<RowDiff> {
  const served = await asServed(read, projection);
  const parked: ParkedEvent[] = [];
  for await (const events of histories(log, projection, request)) {
    const fold = createFold(served);
    yield* compareFolds(fold, events, request);
    parked.push(...fold.folded.parked.slice(0, 1));
  }
  if (parked[0])
    throw new Error(
      `the event at position ${parked[0].position} could not be folded into its row, and those behind it wait (hookfold parked list): ` +
        'what is told of such rows ends before them',
    );
}

type Pages = AsyncIterable<readonly FoldedEvent[]>;

async function* histories(
  log: pg.Pool,
  projection: Projection,
  { from, to, integrationId }: DiffRequest,
): AsyncGenerator<Pages> {
  if (projection.within === 'log') {
    if (integrationId !== undefined)
      throw new Error(`${projection.name} is not kept by integration: leave out --integration`);
    yield readLog(log, to);
    return;
  }
  const touched =
    integrationId === undefined ? await readTouchedIntegrations(log, from, to) : [integrationId];
  const byResource = isKeyedByResource(projection);
  for (const integration_id of touched)
    if (!byResource) yield readHistory(log, { integration_id }, to);
    else
      for await (const resources of readTouchedResources(log, integration_id, from, to))
        yield readHistory(log, { integration_id, resources }, to);
}

async function* compareFolds(fold: Fold, pages: Pages, { from }: DiffRequest): AsyncGenerator<RowDiff> {
  const first = new Map<string, Change>();
  for await (const events of pages)
    for (const event of events) {
      const change = fold.add(event, readEvent(event));
      if (change && event.position > from && !first.has(change.id)) first.set(change.id, change);
    }
  for (const [id, { key, before }] of first) {
    const after = fold.folded.rows.get(id);
    const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
    if (before !== after) yield { change, key, before, after };
  }
}
