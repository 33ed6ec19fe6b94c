import { withoutSecrets } from '../logging.js';
import { describeFailure } from '../postgres/failure.js';

/** What Node, and the client of NATS, say where nobody listens, or answers. */
const AWAY = ['ECONNREFUSED', 'ENOTFOUND', 'CONNECTION_REFUSED', 'TIMEOUT'];

/** One text for a person: the message, or the first inner one where the outer says nothing; without secrets. */
export function describeError(error: unknown): string {
  return withoutSecrets(messageOf(error));
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node's connection attempts to several addresses fail with an AggregateError that has no message.
  const inner = error instanceof AggregateError ? error.errors[0] : undefined;
  const message = describeFailure(error) || (inner ? messageOf(inner) : error.name);
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && AWAY.includes(code))
    return `${message}. Is the server that DATABASE_URL or NATS_URL names running?`;
  return message;
}
