import { fromToken, type HashedText, toToken } from './subject-token.js';

/** The stream's subjects begin with this token. */
export const SUBJECT_ROOT = 'munity';

/** The columns of an event that its subject names, in the subject's order. */
export const SUBJECT_COLUMNS = [
  'workspace_id',
  'customer_id',
  'event',
  'integration_id',
  'resource_type',
] as const;

export type SubjectColumns = Record<(typeof SUBJECT_COLUMNS)[number], string | null>;
export type ParsedSubject = Record<(typeof SUBJECT_COLUMNS)[number], string | null | HashedText>;

/** The subject of an event: `munity.{workspace}.{customer}.{event}.{integration}.{type}`; tokens as `toToken` says. */
export function subjectOf(event: SubjectColumns): string {
  return `${SUBJECT_ROOT}.${toToken(event.workspace_id)}.${toToken(event.customer_id)}.${toToken(event.event)}.${toToken(event.integration_id)}.${toToken(event.resource_type)}`;
}

/**
 * What a subject names: the rule of docs/bus.md backwards, which only subscribers need, and tests. Undefined for a subject
 * that is not of this form.
 */
export function parseSubject(subject: string): ParsedSubject | undefined {
  const [root, ...tokens] = subject.split('.');
  if (root !== SUBJECT_ROOT || tokens.length !== SUBJECT_COLUMNS.length) return undefined;
  try {
    const values = tokens.map(fromToken);
    return Object.fromEntries(SUBJECT_COLUMNS.map((name, index) => [name, values[index]!])) as ParsedSubject;
  } catch {
    return undefined;
  }
}
