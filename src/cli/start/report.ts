// What `hookfold start` prints when all runs.
import { parseNatsUrl } from '../../bus/nats-url.js';
import { STREAM } from '../../bus/stream.js';
import { type Access, FIRST_SOURCE } from './access.js';
import type { Running } from './one-machine.js';

const HOW_TO_SHOW = 'shown by: npx hookfold start --show-url';

/** The URL to paste at the sender. */
export function webhookUrl(ingestUrl: string, token: string): string {
  return `${ingestUrl}/webhooks/${FIRST_SOURCE}/${token}`;
}

/** The lines; secrets are among them only on the start that made them. */
export function describeRunning(machine: Running): string[] {
  const { access, databaseUrl, natsUrl, ingestUrl, queryUrl } = machine;
  const shown = access.isNew ? access : { isNew: false };
  return [
    '',
    'hookfold runs.',
    `  webhook URL   ${webhookLine(ingestUrl, shown)}`,
    `  query API     ${queryUrl}/v1   (for people: ${queryUrl}/docs)`,
    `  API key       ${shown.key ?? HOW_TO_SHOW}`,
    `  NATS          ${natsHosts(natsUrl)}   stream ${STREAM}`,
    `  Postgres      ${withoutPassword(databaseUrl)}   (password in run.json of the data folder)`,
    '',
    ...nextSteps(machine, shown),
    'Ctrl-C stops it all; the data stay.',
  ];
}

function webhookLine(ingestUrl: string, access: Access): string {
  if (!access.token) return `${webhookUrl(ingestUrl, '…')}\n                ${HOW_TO_SHOW}`;
  return `${webhookUrl(ingestUrl, access.token)}\n                keep it secret: whoever knows it can send events`;
}

const SAMPLE = JSON.stringify({
  workspace_id: '7d0c7a8e-5a0e-4a55-9d3b-0c7b6a3f9f11',
  customer_id: 'customer_1234',
  event: 'integration_installed',
  state: null,
  payload: { id: '0b9c1f2e-7c1d-4b8e-a5d7-2f6f0f3e9a10', connector_type: 'jira', metadata: {} },
});

function nextSteps({ ingestUrl, queryUrl }: Running, { token, key }: Access): string[] {
  if (!token || !key) return ['Next: npx hookfold status', ''];
  return [
    'Next: send a first event, and see what it became:',
    `  curl -d '${SAMPLE}' ${webhookUrl(ingestUrl, token)}`,
    `  curl -H 'Authorization: Bearer ${key}' ${queryUrl}/v1/integrations`,
    '',
  ];
}

function natsHosts(natsUrl: string): string {
  try {
    return [parseNatsUrl(natsUrl).servers].flat().join(', ');
  } catch {
    return 'NATS_URL cannot be read';
  }
}

// As text: pg takes forms that are no URL, such as the folder of a socket.
function withoutPassword(databaseUrl: string): string {
  return databaseUrl
    .replace(/^(\w+:\/\/[^:@/?#]*):[^/?#]*@/, '$1@')
    .replace(/([?&])password=[^&#]*&?/, '$1')
    .replace(/[?&]$/, '');
}
