// Folds keys afresh and compares them with the served rows, while everything runs: each comparison is made at the
// position that the rows stood for in the statement that read them.
import type pg from 'pg';
import type { Projection } from '../../../projections/contract.js';
import { isKeyedByResource, keyId } from '../../../projections/key.js';
import { type History, type ResourceKey, readResourceKeys } from '../../log/read-history.js';
import { withoutDiscarded } from '../../read-models/as-served.js';
import { type Build, findBuild, tableOf } from '../../read-models/build.js';
import { readCheckpoints } from '../../read-models/checkpoint.js';
import { assertSameLog } from '../../read-models/same-log.js';
import type { RowDifference } from '../rebuild/compare.js';
import { compareRows } from './compare-rows.js';
import { foldHistory, foldLog, TooManyRows } from './fold-afresh.js';
import { type SampledKey, sampleKeys } from './sample-keys.js';
import { readAllServed, readServedIntegration, readServedResources } from './served-rows.js';

export interface ProjectionVerdict {
  projection: string;
  version: number;
  /** Keys compared. */
  checked: number;
  /** Keys passed over, because an event of theirs is parked. */
  parked: number;
  drifted: number;
  /** The first of the drifted rows: before is what is served, after is what the log gives. */
  sample: RowDifference[];
  /** Drifted rows that `sample` leaves out. */
  more: number;
}

export interface VerifyOptions {
  logPool: pg.Pool;
  readPool: pg.Pool;
  /** Check so many keys, chosen at random, rather than all; read models within the log are compared whole all the same. */
  sample?: number;
  /** Rows of a read model that is compared whole, at the most: they are held in memory twice. Default: 500,000. */
  mostRows?: number;
  onProgress?(checked: number): void;
  /** Once it is aborted its reason is thrown, between two pages of the events of a key. */
  signal?: AbortSignal;
}

const SHOWN = 20;
const ROWS_AT_MOST = 500_000;
/** As many rows are in memory twice, as served and as folded. */
const KEYS_A_PAGE = 50;

/**
 * Verifies the served rows of a projection. Throws where no build of the code's version is live, and where another one
 * became so meanwhile; AnotherLog, TooManyRows and EventMissing where it cannot be verified.
 */
export async function verifyProjection(
  projection: Projection,
  options: VerifyOptions,
): Promise<ProjectionVerdict> {
  const build = await findBuild(options.readPool, projection, 'live');
  if (!build)
    throw new Error(
      `${projection.name} version ${projection.version} has no live table yet; start a projector first`,
    );
  const { name, version } = projection;
  const verdict: ProjectionVerdict = {
    projection: name,
    version,
    checked: 0,
    parked: 0,
    drifted: 0,
    sample: [],
    more: 0,
  };
  try {
    await assertOfLog(build, options);
    for await (const part of partsOf(projection, build, options)) {
      addPart(verdict, part);
      options.onProgress?.(verdict.checked);
    }
  } catch (error) {
    // The table of a build that was swapped out is dropped by the swap after it: that is the reason to tell then.
    await assertStillLive(projection, build, options, error);
    throw error;
  }
  await assertStillLive(projection, build, options);
  return verdict;
}

/** Throws AnotherLog where a build was folded from another log: its rows are not what this one gives, and nobody wrote there. */
export async function assertOfLog(
  { build_id, projection }: Build,
  { logPool, readPool }: Pick<VerifyOptions, 'logPool' | 'readPool'>,
): Promise<void> {
  await assertSameLog(logPool, projection, await readCheckpoints(readPool, build_id));
}

function addPart(verdict: ProjectionVerdict, { checked, parked, differences }: Part): void {
  verdict.checked += checked;
  verdict.parked += parked;
  verdict.drifted += differences.length;
  verdict.sample.push(...differences.slice(0, SHOWN - verdict.sample.length));
  verdict.more = verdict.drifted - verdict.sample.length;
}

// A table that was swapped out is at one with its checkpoints for ever: of the rows that are served now it says nothing.
async function assertStillLive(
  projection: Projection,
  build: Build,
  { readPool }: VerifyOptions,
  cause?: unknown,
): Promise<void> {
  const live = await findBuild(readPool, projection, 'live');
  if (live?.build_id === build.build_id) return;
  throw new Error(
    `the table of ${projection.name} that was being verified (${build.table_name}) was swapped meanwhile` +
      `${live ? ` for ${live.table_name}` : ''}; verify again`,
    { cause },
  );
}

interface Part {
  checked: number;
  parked: number;
  differences: RowDifference[];
}

async function* partsOf(projection: Projection, build: Build, options: VerifyOptions): AsyncGenerator<Part> {
  if (projection.within === 'log') {
    yield await verifyAll(projection, build, options);
  } else if (options.sample !== undefined) {
    for (const key of await sampleKeys(projection, build, options, options.sample))
      yield await verifyKey(projection, build, key, options);
  } else {
    for (const integrationId of await allIntegrations(build, options))
      yield* partsOfIntegration(projection, build, integrationId, options);
  }
}

// Of an integration's resources keys are held, but never more than a page of rows.
async function* partsOfIntegration(
  projection: Projection,
  build: Build,
  integration_id: string,
  options: VerifyOptions,
): AsyncGenerator<Part> {
  if (!isKeyedByResource(projection)) {
    yield await verifyKey(projection, build, { integration_id }, options);
    return;
  }
  const resources = await allResources(build, integration_id, options);
  for (let at = 0; at < resources.length; at += KEYS_A_PAGE) {
    const page = resources.slice(at, at + KEYS_A_PAGE);
    yield await verifyHistory(projection, build, { integration_id, resources: page }, options);
  }
}

/** Compares an integration's rows, or one resource's row. */
export async function verifyKey(
  projection: Projection,
  build: Build,
  key: SampledKey,
  options: VerifyOptions,
): Promise<Part> {
  const { integration_id, type, resource_id } = key;
  if (type === undefined || resource_id === undefined)
    return verifyHistory(projection, build, { integration_id }, options);
  const resources = [{ type, resource_id }];
  return verifyHistory(projection, build, { integration_id, resources }, options);
}

async function verifyHistory(
  projection: Projection,
  build: Build,
  history: History,
  { logPool, readPool, signal }: VerifyOptions,
): Promise<Part> {
  const { integration_id, resources } = history;
  const served = resources
    ? await readServedResources(readPool, projection, build, integration_id, resources)
    : await readServedIntegration(readPool, projection, build, integration_id);
  // After the rows: what is discarded in between is still parked there, and passed over.
  const folding = await withoutDiscarded(readPool, projection);
  const folded = await foldHistory(logPool, folding, history, served.position, signal);
  return toPart(projection, served, folded);
}

async function verifyAll(
  projection: Projection,
  build: Build,
  { logPool, readPool, mostRows = ROWS_AT_MOST }: VerifyOptions,
): Promise<Part> {
  const served = await readAllServed(readPool, projection, build, mostRows + 1);
  if (served.rows.size > mostRows) throw new TooManyRows(projection, mostRows);
  const folding = await withoutDiscarded(readPool, projection);
  return toPart(projection, served, await foldLog(logPool, folding, served.position, mostRows));
}

function toPart(
  projection: Projection,
  ...[served, folded]: DropFirst<Parameters<typeof compareRows>>
): Part {
  const differences = compareRows(projection, served, folded);
  const ids = new Set([...served.rows.keys(), ...folded.keys()]);
  const parked = [...ids].filter((id) => served.parked.has(id)).length;
  return { checked: ids.size - parked, parked, differences };
}

type DropFirst<List extends unknown[]> = List extends [unknown, ...infer Rest] ? Rest : never;

// From the log as from the table: a row that should not be there is found too.
async function allIntegrations(build: Build, { logPool, readPool }: VerifyOptions): Promise<string[]> {
  const served = await readPool.query(`SELECT DISTINCT integration_id FROM ${tableOf(build)}`);
  const logged = await logPool.query(
    'SELECT DISTINCT integration_id FROM event_log WHERE integration_id IS NOT NULL',
  );
  return [...new Set([...served.rows, ...logged.rows].map(({ integration_id }) => integration_id))];
}

async function allResources(
  build: Build,
  integration_id: string,
  { logPool, readPool }: VerifyOptions,
): Promise<ResourceKey[]> {
  const served = await readPool.query<ResourceKey>(
    `SELECT type, resource_id FROM ${tableOf(build)} WHERE integration_id = $1`,
    [integration_id],
  );
  const all = Number.MAX_SAFE_INTEGER;
  const logged = await readResourceKeys(logPool, { integration_id }, all, { limit: all });
  const byId = new Map(
    [...served.rows, ...logged].map((resource) => [keyId([resource.type, resource.resource_id]), resource]),
  );
  return [...byId.values()];
}
