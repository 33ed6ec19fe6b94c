import { ErrorCode, NatsError } from 'nats';

const JETSTREAM_OFF = 'JetStream is off: start nats-server with -js (or jetstream {} in its configuration)';

/**
 * What the client of NATS threw, in words where it says a code and nothing else; other errors as they are. `nobody`: what it
 * means where nobody answers at all.
 */
export function explained(error: unknown, nobody = JETSTREAM_OFF): unknown {
  if (!(error instanceof NatsError)) return error;
  if (error.code === ErrorCode.Timeout)
    return new Error('nats-server did not answer in time', { cause: error });
  // "503", whether JetStream answers that or nobody does.
  if (error.code !== ErrorCode.NoResponders) return error;
  const answer = error.api_error?.description;
  return new Error(answer ? `JetStream answers: ${answer}` : nobody, { cause: error });
}
