// One simulated integration: what it is, and how the sender writes its webhooks. The text is the sender's form:
// ASCII, `", "` and `": "` between, the payload last.
import type { Random } from './random.js';

export interface Resource {
  id: string;
  externalId: number;
  name: string;
}

export interface Integration {
  id: string;
  connectorType: string;
  type: string;
  resources: Resource[];
  /** All of the text before `"event"`, and between the event's name and the payload. */
  head: string;
  middle: string;
  state: string;
  nextExternalId: number;
}

const CONNECTORS: readonly [connector: string, type: string][] = [
  ['salesforce', 'crm_crmcontact'],
  ['hubspot', 'crm_crmcontact'],
  ['jira', 'project_management_projectmanagementissue'],
  ['asana', 'project_management_projectmanagementissue'],
  ['prestashop', 'ecommerce_ecommerceproduct'],
  ['woocommerce', 'ecommerce_ecommerceproduct'],
  ['lucca', 'hris_hrisuser'],
  ['bamboohr', 'hris_hrisuser'],
];

const NAMES = [
  'Lovelace',
  'Hopper',
  'Zo\\u00eb',
  'D\\u2019Arc',
  'Turing',
  'Curie',
  '\\u6e21\\u8fba',
  'Noether \\ud83c\\udf89',
];

/** A new integration of a workspace; ids are sometimes spelled without dashes. */
export function createIntegration(random: Random, workspaceId: string): Integration {
  const [connectorType, type] = random.pick(CONNECTORS);
  const id = random.uuid();
  const state = random.uuid();
  const customer = random.chance(0.05) ? 'null' : `"customer_${random.below(100_000)}"`;
  return {
    id: random.chance(0.1) ? id.replaceAll('-', '') : id,
    connectorType,
    type,
    resources: [],
    head: `{"workspace_id": "${workspaceId}", "customer_id": ${customer}, "event": "`,
    middle: `", "state": "${state}", "payload": {"id": "`,
    state,
    nextExternalId: 1,
  };
}

/** A resource that the integration had not before. */
export function addResource(random: Random, integration: Integration): Resource {
  const resource = { id: random.hex(32), externalId: integration.nextExternalId++, name: random.pick(NAMES) };
  integration.resources.push(resource);
  return resource;
}

/** The text of one of its webhooks; `rest` are the payload's members after its id, each with `, ` before it. */
export function webhook({ head, middle, id }: Integration, event: string, rest: string): string {
  return `${head}${event}${middle}${id}"${rest}}}`;
}
