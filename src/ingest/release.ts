// Rejected requests, through the door again: after a source was bound otherwise, a limit raised, a parser mended.
import type pg from 'pg';
import { REJECTIONS, type RejectedReason } from '../../schemas/http-ingest.js';
import { appendEvents, isRefusedEvent } from '../log/append-events.js';
import { readRejected } from '../log/rejected.js';
import { readBinding } from '../log/source.js';
import { inTransaction } from '../postgres/transaction.js';
import { admit } from './admit.js';

/** What became of one. `position` is that of its event, or of the event that its delivery id named before. */
export type Release =
  | { id: number; outcome: 'released' | 'duplicate' | 'released_before'; position: number }
  | { id: number; outcome: 'rejected'; reason: RejectedReason; detail: string }
  | { id: number; outcome: 'impossible'; detail: string };

/**
 * Sends one through the door again. The event and the note that it was released are one transaction, so that it
 * happens once, whoever else releases it. It is received anew: its time is now.
 */
export async function releaseRejected(pool: pg.Pool, id: number): Promise<Release> {
  try {
    return await inTransaction(pool, (client) => release(client, id));
  } catch (error) {
    if (isRefusedEvent(error)) return rejectedAgain(id, 'refused_by_database');
    throw error;
  }
}

async function release(client: pg.PoolClient, id: number): Promise<Release> {
  await client.query('SELECT 1 FROM rejected_webhook WHERE id = $1 FOR UPDATE', [id]);
  const rejected = await readRejected(client, id);
  if (!rejected) return { id, outcome: 'impossible', detail: 'there is none of this id' };
  if (rejected.released_position !== null)
    return { id, outcome: 'released_before', position: rejected.released_position };
  if (rejected.kept_length < rejected.body_length)
    return {
      id,
      outcome: 'impossible',
      detail: `of its ${rejected.body_length} bytes only the first ${rejected.kept_length} were kept`,
    };
  const bound = await readBinding(client, rejected.source);
  if (bound?.revoked)
    return { id, outcome: 'impossible', detail: `its source ${rejected.source} is revoked` };

  const event = admit(
    rejected.body,
    rejected.headers,
    bound?.workspaces ? new Set(bound.workspaces) : undefined,
    {
      source: rejected.source,
      received_at: new Date().toISOString(),
      delivery_id: rejected.delivery_id,
      headers: rejected.headers,
    },
  );
  if (typeof event === 'string') return rejectedAgain(id, event);
  const [appended] = await appendEvents(client, [event]);
  const { position, duplicate } = appended!;
  await client.query(
    'UPDATE rejected_webhook SET released_at = now(), released_position = $2 WHERE id = $1',
    [id, position],
  );
  return { id, outcome: duplicate ? 'duplicate' : 'released', position };
}

function rejectedAgain(id: number, reason: RejectedReason): Release {
  return { id, outcome: 'rejected', reason, detail: REJECTIONS[reason].detail };
}
