// Reads the events of one integration, or of some of its resources, without reading the log between them; or those at
// positions.
import type pg from 'pg';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { EventMissing, readWhole } from './missing-event.js';
import { LOGGED_COLUMNS, selectEvents } from './read-log.js';

/** A resource of an integration. */
export interface ResourceKey {
  type: string;
  resource_id: string;
}

/** Whose events: an integration's, or only those of some of its resources. */
export interface History {
  integration_id: string;
  resources?: readonly ResourceKey[];
}

/** A page holds so many events at the most. */
const PAGE_EVENTS = 500;
/** A page holds so many bytes of bodies (one larger event comes alone). */
const PAGE_BYTES = 4 * 1024 * 1024;
/** Positions held in memory at once. */
const POSITIONS = 200_000;

interface Place {
  position: number;
  /** Of its body as Postgres keeps it, which it tells without reading it. */
  bytes: number;
  /** The body has more bytes than that; how many is known by reading it only. */
  isCompressed: boolean;
}

const PLACE =
  'position, pg_column_size(body) AS bytes, pg_column_compression(body) IS NOT NULL AS "isCompressed"';

/**
 * The events of a history up to a position, in order, page by page. Their positions are read first: a page of events
 * by its positions costs the same whatever Postgres believes of how many events an integration has. Throws EventMissing where
 * the log is not whole up to there: before the first page, or where it is cut while pages are read.
 */
export async function* readHistory(
  db: pg.Pool | pg.ClientBase,
  history: History,
  through: number,
): AsyncGenerator<LoggedEvent[]> {
  for (let last = 0; last < through; ) {
    const after = last;
    const places = await readWhole(db, through, () => readPlaces(db, history, after, through));
    yield* readAtPlaces(db, places);
    if (places.length < POSITIONS) return;
    last = places.at(-1)!.position;
  }
}

/** The events at positions, in order, page by page. Throws EventMissing, before the first page, where one is not there. */
export async function* readPositions(
  db: pg.Pool | pg.ClientBase,
  positions: readonly number[],
): AsyncGenerator<LoggedEvent[]> {
  const { rows } = await db.query<Place>(
    `SELECT ${PLACE} FROM event_log WHERE position = ANY ($1::bigint[]) ORDER BY position`,
    [positions],
  );
  const found = new Set(rows.map(({ position }) => position));
  const missing = positions.find((position) => !found.has(position));
  if (missing !== undefined) throw new EventMissing(missing);
  yield* readAtPlaces(db, rows);
}

async function* readAtPlaces(
  db: pg.Pool | pg.ClientBase,
  places: readonly Place[],
): AsyncGenerator<LoggedEvent[]> {
  for (const stored of inPages(places))
    for (const page of inPages(await weigh(db, stored))) yield await readPage(db, page.map(toPosition));
}

const toPosition = ({ position }: Place) => position;

async function readPage(db: pg.Pool | pg.ClientBase, positions: readonly number[]): Promise<LoggedEvent[]> {
  const events = await selectEvents(
    db,
    `SELECT ${LOGGED_COLUMNS} FROM event_log WHERE position = ANY ($1::bigint[]) ORDER BY position`,
    [positions],
  );
  const gone = positions.find((position, index) => position !== events[index]?.position);
  if (gone !== undefined) throw new EventMissing(gone);
  return events;
}

// Places with the bytes that their bodies have when they are read.
async function weigh(db: pg.Pool | pg.ClientBase, places: Place[]): Promise<Place[]> {
  if (!places.some(({ isCompressed }) => isCompressed)) return places;
  const { rows } = await db.query<Place>(
    `SELECT position, octet_length(body::text) AS bytes FROM event_log
     WHERE position = ANY ($1::bigint[]) ORDER BY position`,
    [places.map(toPosition)],
  );
  const weighed = new Map(rows.map(({ position, bytes }) => [position, bytes]));
  return places.map((place) => ({ ...place, bytes: weighed.get(place.position) ?? place.bytes }));
}

function* inPages(places: readonly Place[]): Generator<Place[]> {
  let page: Place[] = [];
  let bytes = 0;
  for (const place of places) {
    if (page.length === PAGE_EVENTS || (page.length > 0 && bytes + place.bytes > PAGE_BYTES)) {
      yield page;
      page = [];
      bytes = 0;
    }
    page.push(place);
    bytes += place.bytes;
  }
  if (page.length > 0) yield page;
}

// Hashes are what is indexed; texts decide, since hashes collide.
async function readPlaces(
  db: pg.Pool | pg.ClientBase,
  { integration_id, resources }: History,
  after: number,
  through: number,
): Promise<Place[]> {
  const ofResources = `hashtextextended(resource_id, 0) = ANY (
      ARRAY(SELECT hashtextextended(r, 0) FROM unnest($4::text[]) r))
    AND (resource_id, resource_type) IN (SELECT * FROM unnest($4::text[], $5::text[]))`;
  const { rows } = await db.query(
    `SELECT ${PLACE} FROM event_log
     WHERE integration_id = $3 AND position > $1 AND position <= $2
       AND ${resources ? ofResources : 'hashtextextended(integration_id, 0) = hashtextextended($3, 0)'}
     ORDER BY position + 0 LIMIT ${POSITIONS}`,
    [after, through, integration_id, ...(resources ? keyArrays(resources) : [])],
  );
  return rows;
}

const keyArrays = (resources: readonly ResourceKey[]) => [
  resources.map(({ resource_id }) => resource_id),
  resources.map(({ type }) => type),
];

/** Whose resources: an integration's; of one type, one id, or with events of these workspaces, where they are given. */
export interface ResourceFilter extends Partial<ResourceKey> {
  integration_id: string;
  workspaces?: readonly string[];
}

/**
 * Up to `limit` resources that an integration had events of up to a position, after `after`, in the order of type
 * and id. Throws EventMissing where the log is not whole up to there.
 */
export async function readResourceKeys(
  db: pg.Pool | pg.ClientBase,
  { integration_id, type, resource_id, workspaces }: ResourceFilter,
  through: number,
  { after, limit }: { after?: ResourceKey | undefined; limit: number },
): Promise<ResourceKey[]> {
  const reading = () =>
    db.query(
      `SELECT resource_type AS type, resource_id FROM event_log
     WHERE hashtextextended(integration_id, 0) = hashtextextended($1, 0) AND integration_id = $1 AND position <= $2
       AND resource_type IS NOT NULL AND resource_id IS NOT NULL
       AND ($3::text IS NULL OR resource_type = $3)
       AND ($4::text IS NULL OR resource_id = $4)
       AND ($5::text IS NULL OR (resource_type, resource_id) > ($5, $6))
       AND ($7::text[] IS NULL OR workspace_id = ANY ($7))
     GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $8`,
      [
        integration_id,
        through,
        type ?? null,
        resource_id ?? null,
        after?.type ?? null,
        after?.resource_id ?? null,
        workspaces ?? null,
        limit,
      ],
    );
  return (await readWhole(db, through, reading)).rows;
}

/** The position up to which the log had been received at a time (RFC 3339); see `position_at`. */
export async function readPositionAt(db: pg.Pool | pg.ClientBase, instant: string): Promise<number> {
  const { rows } = await db.query('SELECT position_at($1::timestamptz) AS position', [instant]);
  return rows[0].position;
}
