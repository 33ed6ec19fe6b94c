// A resource's versions: each event that was folded into it, with what it changed.
import type { AnyRow } from '../../projections/contract.js';
import type { Change } from '../../projections/fold.js';
import { resource } from '../../projections/resource/projection.js';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import type { ResourceKey } from '../log/read-history.js';
import { type Column, rowToJson, shownColumns } from '../read-models/columns.js';
import { foldHistory } from './as-of.js';
import type { FoldDeps } from './deps.js';
import { PAGE_BYTES } from './read-page.js';
import type { Scope } from './scope.js';

export interface Version {
  position: number;
  json: string;
}

export interface VersionRequest {
  integration_id: string;
  resource: ResourceKey;
  through: number;
  scope: Scope;
  limit: number;
  order: 'asc' | 'desc';
  /** Position of the last version of the page before. */
  after?: number | undefined;
}

const COLUMNS = shownColumns(resource);

/**
 * A page of a resource's versions, and whether there are more. Every version builds on all before it, so the fold
 * begins at the resource's first event for each page; only the page is kept.
 */
export async function readVersions(
  deps: FoldDeps,
  request: VersionRequest,
): Promise<{ versions: Version[]; more: boolean }> {
  const { integration_id, scope, order, after } = request;
  const window = createWindow(request);
  const before = order === 'desc' && after !== undefined ? after - 1 : request.through;
  const through = Math.min(before, request.through);
  const history = { integration_id, resources: [request.resource] };
  const onChange = (event: LoggedEvent, change: Change) => {
    if (!change.after || (order === 'asc' && event.position <= (after ?? 0))) return true;
    window.add({ position: event.position, json: versionJson(event, change.before, change.after) });
    return order === 'desc' || !window.more();
  };
  await foldHistory(deps, [resource], history, through, { scope, onChange });
  const versions = order === 'asc' ? window.versions : window.versions.toReversed();
  return { versions, more: window.more() };
}

// Oldest first keeps the first that fit, newest first the last.
function createWindow({ limit, order }: VersionRequest) {
  const versions: Version[] = [];
  let bytes = 0;
  let dropped = false;
  const drop = (version: Version | undefined) => {
    bytes -= version?.json.length ?? 0;
    dropped = true;
  };
  const add = (version: Version) => {
    versions.push(version);
    bytes += version.json.length;
    while (versions.length > limit || (bytes > PAGE_BYTES && versions.length > 1))
      drop(order === 'asc' ? versions.pop() : versions.shift());
  };
  return { versions, add, more: () => dropped };
}

function versionJson(event: LoggedEvent, before: AnyRow | undefined, after: AnyRow): string {
  const { position, event_id, received_at } = event;
  const own = JSON.stringify({ position, event_id, event: event.event, received_at });
  return `${own.slice(0, -1)},"changes":${changesJson(COLUMNS, before, after)}}`;
}

/** What differs between two rows, column by column: `{"status":{"before":…,"after":…}}`. */
export function changesJson(
  columns: readonly Column[],
  before: AnyRow | undefined,
  after: AnyRow | undefined,
): string {
  const members = columns
    .map((column) => [column.name, valueJson(column, before), valueJson(column, after)] as const)
    .filter(([, one, other]) => one !== other)
    .map(([name, one, other]) => `"${name}":{"before":${one},"after":${other}}`);
  return `{${members.join(',')}}`;
}

function valueJson(column: Column, row: AnyRow | undefined): string {
  return row === undefined ? 'null' : rowToJson([column], row).slice(column.name.length + 4, -1);
}
