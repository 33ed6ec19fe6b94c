// The door: one request in, one answer out. In: bytes and headers. Out: 202 after the commit that holds the event,
// 4xx for what is no event (kept, if its sender is known), 503 for every fault of ours. Nothing throws.
//
//   open? ──▶ sender? ──▶ read ──▶ signed? ──▶ parse ──▶ workspace? ──▶ append ──▶ 202
//    503        401     413·503      401       4xx          403        422·503
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BaseLogger } from 'pino';
import { REJECTIONS, type RefusalCause, type RejectedReason } from '../../schemas/http-ingest.js';
import { type Appender, EventRefused } from '../log/appender.js';
import { admit } from './admit.js';
import * as answers from './answers.js';
import { isSender, isSigned, type OnUsed } from './authenticate.js';
import type { RejectionKeeper } from './keep-rejections.js';
import { deliveryIdOf, keptHeaders } from './kept-headers.js';
import type { IngestMetrics } from './metrics.js';
import { type BodyLimits, type ReadBody, readBody } from './read-body.js';
import type { KnownSource, SourceBook } from './source-book.js';
import type { DatabaseWatch } from './watch-database.js';

export interface DoorOptions {
  appender: Appender;
  book: SourceBook;
  watch: Pick<DatabaseWatch, 'refusal'>;
  rejections: Pick<RejectionKeeper, 'keep'>;
  metrics: IngestMetrics;
  limits: BodyLimits;
  onUsed: OnUsed;
  logger: Pick<BaseLogger, 'error'>;
}

/** Answers a POST to `/webhooks/{source}` or `/webhooks/{source}/{token}`. Never rejects. */
export type Door = (
  request: IncomingMessage,
  response: ServerResponse,
  sourceName: string,
  pathToken: string | undefined,
) => Promise<void>;

/** A door on these parts; it holds nothing that has to be closed. */
export function createDoor(options: DoorOptions): Door {
  const { appender, book, watch, rejections, metrics, limits, onUsed, logger } = options;

  return async (request, response, sourceName, pathToken) => {
    let source: KnownSource | undefined;
    let held = 0;
    try {
      source = book.find(sourceName);
      // Who may send is known no better than the database is: nobody is told that they may not.
      const refusal = watch.refusal() ?? (book.isUnreadable(sourceName) ? 'stale' : undefined);
      if (refusal) return refuse(response, refusal);
      if (!isSender(source, request, pathToken, onUsed)) return turnAway(response);
      if (!source!.isSigned && isOverRate(source!)) return refuse(response, 'source_limit');
      const body = await readBody(request, limits, source!.bytes);
      held = heldBy(body);
      await take(source!, request, response, body);
    } catch (error) {
      logger.error({ err: error }, 'a request failed in a way that was not foreseen');
      refuse(response, 'database');
    } finally {
      if (held > 0) source!.bytes.give(held);
    }
  };

  async function take(
    source: KnownSource,
    request: IncomingMessage,
    response: ServerResponse,
    body: ReadBody,
  ): Promise<void> {
    if (body.kind === 'gone') return metrics.gone();
    if (body.kind === 'no_room') return refuse(response, 'too_much_in_flight');
    if (source.isSigned) {
      // Of a body that is too large the signature cannot be checked: it counts as unsigned.
      if (body.kind === 'too_large' || !isSigned(source, request, body.bytes, onUsed))
        return turnAway(response);
      // Only now: what others send to its address is not counted against a source.
      if (isOverRate(source)) return refuse(response, 'source_limit');
    }
    if (body.kind === 'too_large') return reject(source, request, response, body, 'too_large');

    const event = admit(body.bytes, request.headers, source.workspaces, {
      source: source.name,
      received_at: new Date().toISOString(),
      delivery_id: deliveryIdOf(request.headers),
      headers: keptHeaders(request.headers),
    });
    if (typeof event === 'string') return reject(source, request, response, body, event);
    try {
      const appended = await appender.append(event);
      metrics.acknowledged(appended.duplicate);
      answers.acknowledge(response, appended);
    } catch (error) {
      if (error instanceof EventRefused)
        return reject(source, request, response, body, 'refused_by_database');
      refuse(response, 'database');
    }
  }

  async function reject(
    source: KnownSource,
    request: IncomingMessage,
    response: ServerResponse,
    body: Extract<ReadBody, { bytes: Buffer }>,
    reason: RejectedReason,
  ): Promise<void> {
    const kept = await rejections.keep({
      source: source.name,
      reason,
      detail: REJECTIONS[reason].detail,
      delivery_id: deliveryIdOf(request.headers),
      headers: keptHeaders(request.headers).toString(),
      body: body.bytes,
      body_length: body.kind === 'too_large' ? body.length : body.bytes.length,
    });
    if (!kept) return refuse(response, 'rejections_full');
    metrics.rejected(reason);
    answers.reject(response, reason, body.kind === 'too_large' && !body.ended);
  }

  function turnAway(response: ServerResponse): void {
    metrics.unauthenticated();
    answers.turnAway(response);
  }

  function refuse(response: ServerResponse, cause: RefusalCause): void {
    metrics.refused(cause);
    answers.refuse(response, cause);
  }
}

function isOverRate({ mayCome }: KnownSource): boolean {
  return mayCome?.(performance.now()) === false;
}

function heldBy(body: ReadBody): number {
  return body.kind === 'whole' || body.kind === 'too_large' ? body.held : 0;
}
