// Logs: JSON lines on stderr (stdout belongs to what a command answers), without a secret in them.
import { type Logger, pino, stdSerializers } from 'pino';

/** What a credential in a text is replaced by. */
const HIDDEN = '***';

/**
 * A text without the credentials that may stand in it: the token of a webhook URL, a Bearer or Basic value, the
 * password of a connection URL, an API key in a query string.
 */
export function withoutSecrets(text: string): string {
  return text
    .replace(/(\/webhooks\/[^/\s"?#\\]+\/)[^/\s"?#\\]+/gi, `$1${HIDDEN}`)
    .replace(/\b(bearer|basic)(\s+)[^\s"\\,]+/gi, `$1$2${HIDDEN}`)
    .replace(/\b([a-z]+:\/\/[^/\s:"@]*):[^/\s"@]+@/gi, `$1:${HIDDEN}@`)
    .replace(/([?&](?:token|key|api_key|access_token)=)[^&\s"\\]+/gi, `$1${HIDDEN}`);
}

const SECRET_HEADERS = ['authorization', 'cookie', 'x-api-key', 'x-webhook-token', 'proxy-authorization'];

/**
 * A logger at `level` whose lines carry the role's name. Every line passes `withoutSecrets` as a whole, so that a
 * secret inside a message or an error does not get out either.
 */
export function createLogger(level: string, role: string): Logger {
  const destination = pino.destination({ dest: 2, sync: true });
  destination.on('error', () => {}); // Whoever read the log has gone; that is no reason to stop.
  return pino(
    {
      level,
      base: { role, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { req: describeRequest, err: stdSerializers.err },
      redact: { paths: SECRET_HEADERS.map((name) => `*.headers["${name}"]`), censor: HIDDEN },
      hooks: { streamWrite: withoutSecrets },
    },
    destination,
  );
}

function describeRequest(request: { method?: string; url?: string; ip?: string; id?: unknown }) {
  return { id: request.id, method: request.method, url: request.url, ip: request.ip };
}
