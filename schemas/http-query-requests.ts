// What those routes are asked whose reading lies in a file of its own.
import { Type } from '@sinclair/typebox';
import { REJECTIONS, type RejectedReason } from './http-ingest.js';
import {
  AsOf,
  Filter,
  InWorkspace,
  OneOf,
  Order,
  Paging,
  Parameters,
  PathText,
  Position,
  Waiting,
} from './http-query.js';

/** What the list of integrations is asked. */
export const IntegrationsQuery = Parameters({
  ...InWorkspace,
  customer_id: Filter('Customer'),
  connector_type: Filter('Connector'),
  status: Type.Optional(OneOf(['unknown', 'healthy', 'broken'], { description: 'Health' })),
  import: Type.Optional(OneOf(['pending', 'complete'], { description: 'Import' })),
  state: Filter('State of the connect() call'),
  installed: Type.Optional(Type.Boolean({ description: 'Whether an install was seen' })),
  ...Paging,
  ...Waiting,
});
/** What one integration is asked. */
export const OneIntegrationQuery = Parameters({ ...Waiting, ...AsOf });

/** What the list of resources is asked. */
export const ResourcesQuery = Parameters({
  ...InWorkspace,
  integration_id: Filter('Integration, UUIDs in any spelling'),
  type: Filter('Kind of resource'),
  resource_id: Filter('Resource'),
  customer_id: Filter('Customer'),
  status: Type.Optional(OneOf(['present', 'deleted'], { description: 'Whether it is there' })),
  ...Paging,
  ...Waiting,
  ...AsOf,
});
/** What names a resource. */
export const ResourcePath = Parameters({
  integration_id: PathText('Integration, UUIDs in any spelling'),
  type: PathText('Kind of resource'),
  resource_id: PathText('Resource'),
});
/** What one resource is asked. */
export const OneResourceQuery = Parameters({ ...Waiting, ...AsOf });

/** What the list of rejected requests is asked. */
export const RejectedQuery = Parameters({
  source: Filter('Name of the source'),
  reason: Type.Optional(
    OneOf(Object.keys(REJECTIONS) as RejectedReason[], { description: 'Why it was rejected' }),
  ),
  ...Paging,
});

const EventFilters = {
  ...InWorkspace,
  event: Filter('Name of the event'),
  source: Filter('Name of the source'),
  customer_id: Filter('Customer'),
  type: Filter('Kind of resource'),
  resource_id: Filter('Resource'),
};
const ofIntegration = { integration_id: Filter('Integration, UUIDs in any spelling') };
const Listed = {
  ...EventFilters,
  after: Filter('Only events behind this position, or received after this RFC 3339 time'),
  before: Filter('Only events before this position, or received by this RFC 3339 time'),
  body: Type.Boolean({ default: false, description: 'Whether items have their body, as received' }),
  order: Order,
  ...Paging,
  ...Waiting,
};

/** What the list of events is asked. */
export const EventsQuery = Parameters({ ...ofIntegration, ...Listed });
/** What the list of an integration's events is asked. */
export const IntegrationEventsQuery = Parameters(Listed);
/** What a live stream is asked. */
export const LiveQuery = Parameters({
  ...ofIntegration,
  ...EventFilters,
  after: Type.Optional(Position('Begin behind this position; default: the head')),
});
