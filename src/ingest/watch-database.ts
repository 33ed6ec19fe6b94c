// Asks the database every second what the door has to know: the sources, and whether it can be written. In between,
// a failed commit closes the door at once, so that nothing piles up before a database that is away; the next answer
// opens it again. An answer does not tell whether a commit will succeed (the disk may be full): the door opens later
// each time, until one does.
//
//   open ──(commit failed, read only, no answer for 5 s)──▶ closed ──(asked again: writable)──▶ open
import type pg from 'pg';
import type { BaseLogger } from 'pino';
import type { RefusalCause } from '../../schemas/http-ingest.js';
import { parseSources, readSources } from '../log/source.js';
import { createPause } from '../pause.js';
import type { SourceBook } from './source-book.js';

export interface DatabaseWatch {
  /** Why no event can be taken now; undefined while all is well. */
  refusal(): RefusalCause | undefined;
  /** A commit failed for a reason that is not the event's. */
  trip(error: unknown): void;
  /** A commit succeeded. */
  committed(): void;
  /** Resolves after the first answer, good or bad. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface DatabaseWatchOptions {
  pool: pg.Pool;
  book: SourceBook;
  logger: Pick<BaseLogger, 'info' | 'warn' | 'error'>;
  /** Between two questions, and before a closed door asks at the most; default 1,000. */
  everyMs?: number | undefined;
}

const FIRST_PROBE_MS = 100;
/** Sources older than this are not trusted: a revoked one may be among them. */
const STALE_MS = 5000;

/** A watch that asks once it is started, and fills `book`. */
export function createDatabaseWatch(options: DatabaseWatchOptions): DatabaseWatch {
  const { pool, book, logger, everyMs = 1000 } = options;
  let closed: RefusalCause | undefined = 'starting';
  let readAt = Number.NEGATIVE_INFINITY;
  let text = '';
  let probeMs = FIRST_PROBE_MS;
  const pause = createPause();
  let stopping = false;
  let running: Promise<void> | undefined;

  function close(cause: RefusalCause, error?: unknown): void {
    if (closed !== cause) logger.error({ err: error, cause }, 'the door is closed: answering 503');
    closed = cause;
  }

  async function ask(): Promise<void> {
    const askedAt = performance.now();
    const before = closed;
    const snapshot = await readSources(pool);
    if (snapshot.text !== text) {
      for (const [source, error] of book.replace(parseSources(snapshot)))
        logger.error({ err: error, source }, 'this source cannot be read: it is answered 503');
      text = snapshot.text;
      warnOfUnverified(book, logger);
    }
    readAt = askedAt;
    if (!snapshot.writable) return close('read_only');
    // A commit failed after this was asked: the answer is no reason to open.
    if (closed !== before) return;
    if (closed !== undefined) logger.info('the door is open');
    closed = undefined;
  }

  async function run(onFirst: () => void): Promise<void> {
    while (!stopping) {
      try {
        await ask();
      } catch (error) {
        if (closed === 'starting') logger.warn({ err: error }, 'the sources cannot be read yet');
        else if (closed === undefined) logger.warn({ err: error }, 'the sources could not be read again');
      }
      onFirst();
      if (closed === undefined) await rest(everyMs);
      if (closed === undefined) continue;
      await rest(probeMs);
      probeMs = Math.min(probeMs * 2, everyMs);
    }
  }

  async function rest(ms: number): Promise<void> {
    if (!stopping) await pause.for(ms);
  }

  return {
    refusal: () => closed ?? (performance.now() - readAt > STALE_MS ? 'stale' : undefined),
    trip(error) {
      const wasOpen = closed === undefined;
      close('database', error);
      if (wasOpen) pause.end();
    },
    committed() {
      probeMs = FIRST_PROBE_MS;
    },
    async start() {
      if (running) return;
      stopping = false;
      await new Promise<void>((resolve) => {
        running = run(resolve);
      });
    },
    async stop() {
      stopping = true;
      pause.end();
      await running;
      running = undefined;
    },
  };
}

function warnOfUnverified(book: SourceBook, logger: Pick<BaseLogger, 'warn'>): void {
  const open = [...book.all()].filter(({ rules }) => rules.unverified).map(({ name }) => name);
  if (open.length > 0)
    logger.warn({ sources: open }, 'UNVERIFIED sources: whoever knows the address may send as these');
}
