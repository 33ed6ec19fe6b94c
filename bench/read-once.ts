// A bare read of the log through the same driver, page by page, the next one read while this one is taken apart.

import { readAfter } from '../src/log/read-log.js';
import { createPool } from '../src/postgres/connect.js';
import { answerParent } from './child.js';

export interface ReadOrder {
  databaseUrl: string;
  events: number;
}

export interface ReadAnswer {
  seconds: number;
  memoryMb: number;
}

const PAGE_EVENTS = 2000;

answerParent(async ({ databaseUrl, events }: ReadOrder): Promise<ReadAnswer> => {
  const pool = createPool(databaseUrl);
  const started = performance.now();
  let next = readAfter(pool, 0, PAGE_EVENTS);
  for (let position = 0; position < events; ) {
    const page = await next;
    position = page.at(-1)!.position;
    next = readAfter(pool, position, PAGE_EVENTS);
  }
  await next;
  const seconds = (performance.now() - started) / 1000;
  await pool.end();
  return { seconds, memoryMb: process.resourceUsage().maxRSS / 1024 };
});
