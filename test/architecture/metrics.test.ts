// The page for operators and the metrics of the roles name the same.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { Registry } from 'prom-client';
import t from 'tap';
import { createIngestMetrics } from '../../src/ingest/metrics.js';
import { packageRoot } from '../../src/postgres/package-root.js';
import { createProjectorMetrics } from '../../src/projector/metrics.js';
import { createSelfCheck } from '../../src/projector/verify/self-check.js';
import { measureRequests } from '../../src/query/metrics.js';
import { createRelayMetrics } from '../../src/relay/relay-metrics.js';
import { readSources } from './sources.js';

const NAMED = /`(hookfold_(?:ingest|relay|projection|query|verify)_\w+)/g;
const namedIn = (text: string) => [...text.matchAll(NAMED)].map(([, name]) => name!);

/** The names under which the roles register; nothing is read. */
function registeredNames(): string[] {
  const registry = new Registry();
  const unused = undefined as never;
  createIngestMetrics(registry, unused, unused);
  createRelayMetrics(registry, unused, unused);
  createProjectorMetrics(registry, unused, unused, unused);
  createSelfCheck({ registry, projections: [] } as never);
  measureRequests(fastify(), registry);
  return registry.getMetricsAsArray().map(({ name }) => name);
}

t.test('docs/operations.md has every metric of hookfold, and no page has another', async (t) => {
  const registered = registeredNames().filter((name) => name.startsWith('hookfold_'));
  const operations = readFileSync(join(packageRoot(), 'docs/operations.md'), 'utf8');
  const told = new Set(namedIn(operations));
  t.strictSame(
    registered.filter((name) => !told.has(name)),
    [],
    'told',
  );
  for (const { path, text } of readSources(['docs'], ['.md']))
    for (const name of namedIn(text)) t.ok(registered.includes(name), `${path}: ${name}`);
});
