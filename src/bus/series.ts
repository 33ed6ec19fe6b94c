// What the messages of one kind of event about one integration share: all but an id, a time and a few numbers. A log
// has few kinds and comes back to the same integrations again and again, so most of a message is made already.
import type { MirroredEvent } from '../../schemas/logged-event.js';
import { subjectOf } from './subject.js';
import { toToken } from './subject-token.js';

type Shared = Pick<
  MirroredEvent,
  'source' | 'workspace_id' | 'customer_id' | 'event' | 'integration_id' | 'resource_type'
>;

/** Texts out of tokens: no CR, LF or NUL can get in. */
export interface Series extends Shared {
  subject: string;
  /** `ce-source` and `ce-type`, a header a line. */
  origin: string;
  /** `{integration}/{type}` as `ce-subject` has it. */
  about: string;
}

const SLOTS = 1024;
const slots = new Array<Series | undefined>(SLOTS).fill(undefined);

/** The series of an event; the last thousand or so are kept. */
export function seriesOf(event: MirroredEvent): Series {
  const { source, workspace_id, customer_id, event: name, integration_id, resource_type } = event;
  const at = slotOf(integration_id ?? workspace_id ?? '', name, resource_type ?? '');
  const known = slots[at];
  if (
    known !== undefined &&
    known.integration_id === integration_id &&
    known.event === name &&
    known.resource_type === resource_type &&
    known.workspace_id === workspace_id &&
    known.customer_id === customer_id &&
    known.source === source
  )
    return known;
  const series = createSeries({
    source,
    workspace_id,
    customer_id,
    event: name,
    integration_id,
    resource_type,
  });
  slots[at] = series;
  return series;
}

function createSeries(shared: Shared): Series {
  return {
    ...shared,
    subject: subjectOf(shared),
    origin: `ce-source: /hookfold/${toToken(shared.source)}\r\nce-type: munity.${toToken(shared.event)}\r\n`,
    about: `${toToken(shared.integration_id)}/${toToken(shared.resource_type)}`,
  };
}

// Ids differ in any of their characters, names and types in length and near their end.
function slotOf(id: string, name: string, type: string): number {
  let hash = name.length * 31 + type.length;
  for (let at = Math.min(id.length, 8); at-- > 0; ) hash = (hash * 31 + id.charCodeAt(at)) | 0;
  hash = (hash * 31 + name.charCodeAt(name.length >> 1)) | 0;
  hash = (hash * 31 + type.charCodeAt(type.length - 1)) | 0;
  return hash & (SLOTS - 1);
}
