// connection_state: which connect() call ended in which integration. One state, two integrations: a collision.
import type { EventProjection } from '../contract.js';
import { ConnectionStateRow } from './rows.js';

export const connectionState: EventProjection<ConnectionStateRow> = {
  name: 'connection_state',
  version: 1,
  row: ConnectionStateRow,
  keyColumns: ['workspace_id', 'state'],
  internal: [],
  within: 'log',
  folder: new URL('.', import.meta.url),
  reads: ['integration_installed'],
  key: (event) => (event.state === null ? undefined : [event.workspace_id, event.state]),
  evolve(row, event) {
    if (event.event !== 'integration_installed' || event.state === null) return row;
    if (row?.integration_ids.includes(event.integration_id)) return row;
    const integration_ids = [...(row?.integration_ids ?? []), event.integration_id];
    return {
      workspace_id: event.workspace_id,
      state: event.state,
      integration_ids,
      collision: integration_ids.length > 1,
      first_installed_at: row?.first_installed_at ?? event.received_at,
    };
  },
};
