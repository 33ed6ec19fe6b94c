// What changed in a read model between two positions: the rows of keys that had events in between, before and after.
import type pg from 'pg';
import type { AnyRow, Projection } from '../../projections/contract.js';
import { type Change, createFold } from '../../projections/fold.js';
import { isKeyedByResource } from '../../projections/key.js';
import { readEvent } from '../../projections/read-event.js';
import type { FoldedEvent } from '../../schemas/logged-event.js';
import { readHistory } from '../log/read-history.js';
import { readTouchedIntegrations, readTouchedResources } from '../log/read-touched.js';
import { readLog } from '../log/read-whole.js';

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
 * one the whole log is.
 */
export async function* diffRows(
  log: pg.Pool,
  projection: Projection,
  request: DiffRequest,
): AsyncGenerator<RowDiff> {
  for await (const events of histories(log, projection, request))
    yield* compareFolds(projection, events, request);
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

async function* compareFolds(
  projection: Projection,
  pages: Pages,
  { from }: DiffRequest,
): AsyncGenerator<RowDiff> {
  const fold = createFold(projection);
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
