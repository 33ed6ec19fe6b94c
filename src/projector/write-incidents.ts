import type pg from 'pg';
import { storableText } from '../../schemas/text.js';
import { executeAll, type Statement } from '../postgres/pipeline.js';
import type { FoldedPage } from './fold-page.js';

const LONGEST_REASON = 2000;

/** A reason as it is kept: texts of errors may hold what Postgres can't, and be of any length. */
export function storableReason(reason: string): string {
  return storableText(reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON)}…` : reason);
}

/** Records the events of a page that could not be read or folded, in the caller's transaction. */
export async function writeIncidents(
  client: pg.ClientBase,
  buildId: number,
  folded: FoldedPage,
): Promise<void> {
  await executeAll(client, incidentStatements(buildId, folded));
}

/** The statements that record them. */
export function incidentStatements(buildId: number, { unreadable, parked }: FoldedPage): Statement[] {
  const record = (text: string, incidents: readonly { reason: string }[]): Statement[] =>
    incidents.length > 0 ? [{ text, values: [buildId, jsonOf(incidents)] }] : [];
  return [...record(INSERT_UNREADABLE, unreadable), ...record(INSERT_PARKED, parked)];
}

const INSERT_UNREADABLE = `INSERT INTO projector.unreadable (build_id, position, event, workspace_id, reason)
  SELECT $1, u.* FROM json_to_recordset($2) AS u(position bigint, event text, workspace_id text, reason text)`;

const INSERT_PARKED = `INSERT INTO projector.parked (build_id, position, key_id, event, reason)
  SELECT $1, p.* FROM json_to_recordset($2) AS p(position bigint, key_id text, event text, reason text)`;

function jsonOf(incidents: readonly { reason: string }[]): string {
  return JSON.stringify(
    incidents.map((incident) => ({ ...incident, reason: storableReason(incident.reason) })),
  );
}
