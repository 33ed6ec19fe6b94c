// given(events).thenRow(…): a projection's rules, told by example.
import type { Test } from 'tap';
import type { AnyRow, Projection } from '../../projections/contract.js';
import { type Folded, foldEvents } from '../../projections/fold.js';
import { loggedEvent } from './logged-events.js';

export const WORKSPACE = '9cabf461-f12c-4495-ab3f-38f3d0e6c503';
export const INTEGRATION = 'ba30d154-9415-432f-8d21-598f4a39c628';

/** A webhook to be; `at` is its receipt, by default a second after the webhook before. */
export interface Webhook {
  event: string;
  payload?: object;
  workspace_id?: unknown;
  customer_id?: unknown;
  state?: unknown;
  at?: string;
}

/** A webhook of the fixed workspace about the fixed integration; `payload` is merged into `{id}`. */
export function webhook(event: string, payload: object = {}, more: Partial<Webhook> = {}): Webhook {
  return { event, payload: { id: INTEGRATION, ...payload }, ...more };
}

/** The body of a webhook as the sender would write it. */
export function bodyOf({ at: _, ...webhook }: Webhook): string {
  return JSON.stringify({ workspace_id: WORKSPACE, customer_id: null, state: null, ...webhook });
}

/** Folds webhooks, or whole bodies as text, at positions 1, 2, 3 …, a second apart. */
export function given(projection: Projection, webhooks: readonly (Webhook | string)[]) {
  const events = webhooks.map((one, index) =>
    typeof one === 'string' ? loggedEvent(one, index + 1) : loggedEvent(bodyOf(one), index + 1, one.at),
  );
  const folded = foldEvents(projection, events);
  const rows = [...folded.rows.values()];
  return {
    ...folded,
    /** Asserts that the fold gave one row, with these columns among others. */
    thenRow: (t: Test, columns: AnyRow, because = 'has the columns') => {
      t.equal(rows.length, 1, 'gives one row');
      const named = Object.keys(columns).map((name) => [name, rows[0]?.[name]]);
      t.strictSame(Object.fromEntries(named), columns, because);
    },
    /** Asserts that the fold gave these rows, by some of their columns, in the order they came to be. */
    thenRows: (t: Test, expected: AnyRow[]) => {
      const named = rows.map((row, index) =>
        Object.fromEntries(Object.keys(expected[index] ?? row).map((name) => [name, row[name]])),
      );
      t.strictSame(named, expected);
    },
  } satisfies Folded & Record<string, unknown>;
}
