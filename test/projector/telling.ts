// What a projector says of itself: its log and /readyz.
import pino from 'pino';
import type { Test } from 'tap';
import type { ProjectorServiceOptions } from '../../src/projector/service.js';
import type { TestDatabase } from '../support/test-database.js';
import { startProjector } from './projecting.js';

export interface Told {
  level: number;
  msg: string;
  err?: { message: string; code?: string };
  projections?: string[];
}

/** A logger, and the lines that it was given. */
export function createTelling() {
  const told: Told[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void told.push(JSON.parse(line)) });
  return { told, logger };
}

/** A projector whose log and readiness can be asked for. */
export async function startTelling(
  t: Pick<Test, 'teardown'>,
  database: TestDatabase,
  options: Partial<ProjectorServiceOptions> = {},
) {
  const { told, logger } = createTelling();
  const service = await startProjector(t, database, { logger, ...options });
  const origin = told.find(({ msg }) => /listening/.test(msg))!.msg.match(/http:\S+/)![0];
  const readiness = async () =>
    (await (await fetch(`${origin}/readyz`)).json()) as { status: string; reason?: string };
  return { service, told, readiness, errors: () => told.filter(({ level }) => level === 50) };
}
