// activity: counts of everything in the log, known or not, by workspace, name and hour of receipt.
import type { Key, LogProjection } from '../contract.js';
import { createCopyRow } from '../copy-row.js';
import { shortenText } from '../indexable.js';
import { ActivityRow } from './rows.js';

type Counted = { workspace_id: string | null; event: string; received_at: string };

const copy = createCopyRow<ActivityRow>(ActivityRow);

function keyOf(event: Counted): [string | null, string, string] {
  const workspace_id = event.workspace_id === null ? null : shortenText(event.workspace_id);
  return [workspace_id, shortenText(event.event), hourOf(event.received_at)];
}

let lastReceipt = '';
let lastHour = '';

// The last answer is kept: events that came together share it.
function hourOf(receivedAt: string): string {
  if (receivedAt === lastReceipt) return lastHour;
  lastReceipt = receivedAt;
  lastHour = `${receivedAt.slice(0, 13)}:00:00.000Z`;
  return lastHour;
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
    if (row) {
      const after = copy(row);
      after.count += 1;
      return after;
    }
    const [workspace_id, name, hour] = keyOf(event);
    return { workspace_id, event: name, hour, count: 1 };
  },
};
