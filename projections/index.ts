// Every read model there is. Adding one is adding a folder, and its line here.
import { activity } from './activity/projection.js';
import { connectionState } from './connection-state/projection.js';
import type { Projection } from './contract.js';
import { importCompletion } from './import-completion/projection.js';
import { integration } from './integration/projection.js';
import { integrationHealth } from './integration-health/projection.js';
import { resource } from './resource/projection.js';

/** All projections. */
export const PROJECTIONS: readonly Projection[] = [
  resource,
  integration,
  connectionState,
  integrationHealth,
  importCompletion,
  activity,
];

/** The projection of a name. Throws an error that lists the known names. */
export function findProjection(name: string): Projection {
  const found = PROJECTIONS.find((projection) => projection.name === name);
  if (found) return found;
  const known = PROJECTIONS.map((projection) => projection.name).join(', ');
  throw new Error(`no projection is named ${JSON.stringify(name)}. Choose one of: ${known}.`);
}
