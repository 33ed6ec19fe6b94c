import pino from 'pino';

/** Logs errors only, to stderr. */
export const quiet = pino({ level: 'error' }, pino.destination(2));
