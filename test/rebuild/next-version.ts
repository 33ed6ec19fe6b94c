import type { EventProjection } from '../../projections/contract.js';
import { integration } from '../../projections/integration/projection.js';
import type { IntegrationRow } from '../../projections/integration/rows.js';

/** The next version of `integration`: connectors in capitals. */
export const next: EventProjection<IntegrationRow> = {
  ...integration,
  version: 2,
  evolve(row, event) {
    const after = integration.evolve(row, event);
    return after && { ...after, connector_type: after.connector_type?.toUpperCase() ?? null };
  },
};
