// How every role runs: start, say so, wait until told to stop, stop within a time, exit.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Service } from '../service.js';
import { outliveReader } from './lost-reader.js';
import { listenForStop } from './stop-request.js';

const STOP_WITHIN_MS = 9_000;

/** The word that a role sends to its supervisor once it runs. */
const READY_MESSAGE = 'ready';

/**
 * Runs a service in the foreground and ends the process: with 0 after a stop that was asked for (or after `done`),
 * with 1 if it could not stop within nine seconds. A second request ends it at once. Throws, once it has stopped, where
 * it could not start, or where `done` rejects.
 */
export async function runService(
  service: Service,
  logger: Logger,
  done?: () => Promise<void>,
): Promise<never> {
  outliveReader();
  const asked = listenForStop();
  let fatal = 'cannot start';
  const started = service.start().then(() => {
    announce(logger);
    fatal = 'cannot go on';
  });
  const outcome = Promise.race([asked, finished(started, done)]);
  try {
    logger.info({ why: await outcome }, 'stopping');
  } catch (error) {
    logger.fatal({ err: error }, fatal);
    await Promise.race([service.stop().catch(() => {}), delay(STOP_WITHIN_MS)]);
    throw error;
  }
  const stopped = service.stop().then(() => true);
  const inTime = await Promise.race([stopped, delay(STOP_WITHIN_MS).then(() => false)]);
  if (!inTime) logger.error(`could not stop within ${STOP_WITHIN_MS} ms; ending all the same`);
  else logger.info('stopped');
  process.exit(inTime ? 0 : 1);
}

function announce(logger: Logger): void {
  logger.info('running');
  process.send?.(READY_MESSAGE);
}

// Never resolves for a service without an end of its own, but fails if it cannot start.
async function finished(
  started: Promise<void>,
  done: () => Promise<void> = () => new Promise<never>(() => {}),
): Promise<string> {
  await started;
  await done();
  return 'all is done';
}
