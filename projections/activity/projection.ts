// activity: counts of everything in the log, known or not, by workspace, name and hour of receipt.
import { changeRow } from '../change-row.js';
import type { Key, LogProjection } from '../contract.js';
import { shortenText } from '../indexable.js';
import { ActivityRow } from './rows.js';

type Counted = { workspace_id: string | null; event: string; received_at: string };

function keyOf(event: Counted): [string | null, string, string] {
  const workspace_id = event.workspace_id === null ? null : shortenText(event.workspace_id);
  return [workspace_id, shortenText(event.event), `${event.received_at.slice(0, 13)}:00:00.000Z`];
}

export const activity: LogProjection<ActivityRow> = {
  name: 'activity',
  version: 1,
  row: ActivityRow,
  keyColumns: ['workspace_id', 'event', 'hour'],
  internal: [],
  within: 'log',
  folder: new URL('.', import.meta.url),
  reads: 'everything',
  key: (event): Key => keyOf(event),
  evolve(row, event) {
    if (row) return changeRow(row, { count: row.count + 1 });
    const [workspace_id, name, hour] = keyOf(event);
    return { workspace_id, event: name, hour, count: 1 };
  },
};
