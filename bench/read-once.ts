// A bare read of the log through the same driver, page by page.

import { readAfter } from '../src/log/read-log.js';
import { createPool } from '../src/postgres/connect.js';
import { answerParent } from './child.js';

export interface ReadOrder {
  databaseUrl: string;
  events: number;
  /** A page is asked for while the one before it is taken apart. */
  ahead: boolean;
}

export interface ReadAnswer {
  seconds: number;
  memoryMb: number;
}

const PAGE_EVENTS = 2000;

answerParent(async ({ databaseUrl, events, ahead }: ReadOrder): Promise<ReadAnswer> => {
  const pool = createPool(databaseUrl);
  const started = performance.now();
  let next = readAfter(pool, 0, PAGE_EVENTS);
  for (let position = 0; position < events; ) {
    position += ahead ? PAGE_EVENTS : (await next).length;
    const page = readAfter(pool, position, PAGE_EVENTS);
    await next;
    next = page;
  }
  await next;
  const seconds = (performance.now() - started) / 1000;
  await pool.end();
  return { seconds, memoryMb: process.resourceUsage().maxRSS / 1024 };
});
