// Webhooks at random, of few keys, so that histories of a hundred events meet every rule.
import fc from 'fast-check';
import { INTEGRATION_EVENTS } from '../../schemas/events.js';

/** The integrations of these webhooks. */
export const INTEGRATIONS = ['i1', 'i2', 'i3'];

const id = fc.constantFrom(...INTEGRATIONS);
const nothing = fc.constant(null);
/** The text of a webhook: a known event, one of tomorrow, or a test. */
export const randomWebhook = fc
  .record({
    workspace_id: fc.constantFrom('w1', 'w2'),
    customer_id: fc.option(fc.constant('c')),
    event: fc.constantFrom(...INTEGRATION_EVENTS, 'webhook_test', 'of_tomorrow'),
    state: fc.option(fc.constantFrom('s1', 's2')),
    payload: fc.record({
      id,
      type: fc.constantFrom('t1', 't2'),
      resource_id: fc.constantFrom('r1', 'r2', 'r3'),
      data: fc.option(fc.record({ sync_timestamp: fc.constantFrom('1', '2.5', 3), n: fc.nat(9) })),
      diff: nothing,
      error: fc.constantFrom('E', { code: 401 }, null),
      connector_type: fc.constantFrom('jira', 'asana'),
      metadata: nothing,
      test: fc.constant(true),
    }),
  })
  .map((webhook) => JSON.stringify(webhook));
