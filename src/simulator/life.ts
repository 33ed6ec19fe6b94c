// What happens to one integration: installed, imported, then sync runs, failing tokens and re-connects without end.
import * as events from './events.js';
import { addResource, createIntegration, type Integration } from './integration.js';
import type { Random } from './random.js';

export interface LifeOptions {
  workspaceId: string;
  /** Resources of a first import, on average. */
  resources: number;
  /** Characters in the next row that say nothing. */
  padding(): number;
  /** The simulated time, in seconds. */
  now(): number;
}

const ERRORS = [
  '"invalid_grant"',
  '{"error": "invalid_grant", "error_description": "Token expired"}',
  '"timeout"',
];

/** The webhooks of one integration, in the order in which they happen. Endless. */
export function* live(random: Random, options: LifeOptions): Generator<string, never> {
  const integration = createIntegration(random, options.workspaceId);
  const fresh = 1 + random.below(2 * options.resources);
  yield events.installed(integration);
  yield* importAll(random, integration, fresh, options);
  for (;;) {
    if (random.chance(0.2)) yield* breakToken(random, integration);
    yield* syncAgain(random, integration, options);
  }
}

function* importAll(random: Random, integration: Integration, count: number, { now, padding }: LifeOptions) {
  const timestamp = secondsText(random, now());
  for (let index = 0; index < count; index++) {
    const resource = addResource(random, integration);
    yield events.created(integration, resource);
    yield events.updated(random, integration, resource, timestamp, padding());
  }
  yield events.importDone(integration);
  if (random.chance(0.1)) yield events.importDone(integration); // The same bytes, and a true second event.
}

function* syncAgain(random: Random, integration: Integration, { now, padding, resources }: LifeOptions) {
  const timestamp = secondsText(random, now());
  const changes = 1 + random.below(resources);
  for (let index = 0; index < changes; index++) {
    const resource = random.pick(integration.resources);
    const what = random.next();
    if (what < 0.06) {
      const added = addResource(random, integration);
      yield events.created(integration, added);
      yield events.updated(random, integration, added, timestamp, padding());
    } else if (what < 0.1) {
      yield events.deleted(integration, resource);
      // The same resource comes back under the same id.
      if (random.chance(0.5)) yield events.created(integration, resource);
    } else yield events.updated(random, integration, resource, timestamp, padding());
  }
}

function* breakToken(random: Random, integration: Integration) {
  const failures = 1 + random.below(5);
  const error = random.pick(ERRORS);
  for (let index = 0; index < failures; index++) yield events.cannotRefresh(integration, error);
  if (random.chance(0.7)) yield events.tokenFixed(integration);
  else {
    yield events.installed(integration); // A re-connect, under the same id.
    yield events.importDone(integration);
  }
}

function secondsText(random: Random, seconds: number): string {
  return `${Math.floor(seconds)}.${String(random.below(1_000_000)).padStart(6, '0')}`;
}
