// Incidents as the JSON that the row holds. The error is embedded exactly as it was received.
import type { JsonText } from '../../schemas/columns.js';
import { elapsedMs } from '../duration.js';
import { arrayText, elementTexts, memberText, objectText, textOf } from '../json-text.js';

export type RecoveredBy = 'token_fixed' | 'reinstalled';

const KEPT_INCIDENTS = 50;

/** No incident yet. */
export const NO_INCIDENTS = arrayText([]);

/** An incident that begins with an event: its first failure. */
export function openIncident(
  event: { received_at: string; position: number },
  error: JsonText | null,
): JsonText {
  return objectText({
    opened_at: textOf(event.received_at),
    opened_position: textOf(event.position),
    failures: textOf(1),
    first_error: error,
  });
}

/** The open incident with this many failures. */
export function withFailures(incident: JsonText, failures: number): JsonText {
  return objectText({
    opened_at: memberText(incident, 'opened_at')!,
    opened_position: memberText(incident, 'opened_position')!,
    failures: textOf(failures),
    first_error: memberText(incident, 'first_error')!,
  });
}

/** The open incident as it is kept once closed. */
export function closeIncident(incident: JsonText, closedAt: string, recoveredBy: RecoveredBy): JsonText {
  return objectText({
    opened_at: memberText(incident, 'opened_at')!,
    closed_at: textOf(closedAt),
    failures: memberText(incident, 'failures')!,
    first_error: memberText(incident, 'first_error')!,
    recovered_by: textOf(recoveredBy),
  });
}

/** How long the open incident has lasted at an instant, in milliseconds. */
export function incidentMs(incident: JsonText, until: string): number {
  return elapsedMs(JSON.parse(memberText(incident, 'opened_at')!), until);
}

/** The kept incidents and one more; the oldest goes when there are more than 50. */
export function appendIncident(incidents: JsonText, closed: JsonText): JsonText {
  return arrayText([...elementTexts(incidents), closed].slice(-KEPT_INCIDENTS));
}
