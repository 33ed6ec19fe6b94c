// Checks the whole log: positions without a gap, every digest against its event, every column against its body, and
// the chain of seals. Finds what was altered, removed or inserted behind the triggers' back, by a superuser too.
import type pg from 'pg';
import { describeWebhook, type WebhookColumns } from '../../schemas/describe-webhook.js';
import { instantFromPostgres, TEXT_TYPES } from '../postgres/connect.js';
import { eventDigest, GENESIS_SEAL, sealHash } from './digest.js';

type Queryable = pg.Pool | pg.ClientBase;

/** The first position at which the log is not what was sealed. */
export interface LogFault {
  position: number;
  fault: 'removed' | 'altered' | 'inserted' | 'seal broken';
  detail: string;
}

export interface LogVerdict {
  /** Position up to which the log was checked and found whole. */
  verified: number;
  seals: number;
  /** Hash of the last good seal, hex: keep it elsewhere, and the log up to here can be proven unchanged later. */
  seal: string;
  fault: LogFault | undefined;
}

interface Row {
  position: number;
  columns: WebhookColumns;
  /** Hex. */
  digest: string;
  event_id: string;
  /** As Postgres writes it. */
  received_at: string;
  source: string;
  headers: string;
  body: string;
}

interface Seal {
  last_position: number;
  count: number;
  hash: Buffer;
}

const SEALS_A_READ = 2000;
const EVENTS_A_READ = 2000;
/** Bytes of bodies, as they are stored, at which a read ends. */
const BYTES_A_READ = 4 * 1024 * 1024;

/** Checks the log from its first event to its head; memory is bounded. `onProgress` is told the position reached. */
export async function verifyLog(db: Queryable, onProgress?: (position: number) => void): Promise<LogVerdict> {
  const verdict: LogVerdict = { verified: 0, seals: 0, seal: GENESIS_SEAL.toString('hex'), fault: undefined };
  for (;;) {
    const seals = await readSeals(db, verdict.verified);
    const read = createRowReader(db, seals.at(-1)?.last_position ?? 0);
    for (const seal of seals) {
      verdict.fault = await checkSeal(read, verdict, seal);
      if (verdict.fault) return verdict;
      verdict.verified = seal.last_position;
      verdict.seals += 1;
      verdict.seal = seal.hash.toString('hex');
    }
    onProgress?.(verdict.verified);
    if (seals.length < SEALS_A_READ) break;
  }
  verdict.fault = await checkNothingBehind(db, verdict.verified);
  return verdict;
}

async function readSeals(db: Queryable, after: number): Promise<Seal[]> {
  const { rows } = await db.query(
    'SELECT last_position, count, hash FROM seal WHERE last_position > $1 ORDER BY last_position LIMIT $2',
    [after, SEALS_A_READ],
  );
  return rows;
}

async function checkSeal(read: RowReader, before: LogVerdict, seal: Seal): Promise<LogFault | undefined> {
  const first = before.verified + 1;
  if (seal.last_position - before.verified !== seal.count)
    return {
      position: first,
      fault: 'seal broken',
      detail: `the seal of position ${seal.last_position} covers ${seal.count} events, and the one before it ends at ${before.verified}: a seal was removed or altered`,
    };
  const digests: Buffer[] = [];
  for (let position = first; position <= seal.last_position; ) {
    const rows = await read(position - 1, seal.last_position);
    const fault = checkRows(rows, position, digests);
    if (fault) return fault;
    position += rows.length;
  }
  if (sealHash(Buffer.from(before.seal, 'hex'), digests).equals(seal.hash)) return undefined;
  return {
    position: first,
    fault: 'seal broken',
    detail: `the events ${first} to ${seal.last_position} each fit their digest, but not the seal over them: one of them was replaced together with its digest, or the seal was altered`,
  };
}

function checkRows(rows: readonly Row[], from: number, digests: Buffer[]): LogFault | undefined {
  let position = from;
  for (const row of rows) {
    if (row.position !== position) break;
    const digest = digestOf(row);
    if (digest?.toString('hex') !== row.digest)
      return altered(row, 'its text, id, time, source or headers do not fit its digest');
    const column = differingColumn(row);
    if (column) return altered(row, `its column ${column} is not what its body says`);
    digests.push(digest);
    position += 1;
  }
  if (rows.length > 0 && position === from + rows.length) return undefined;
  return {
    position,
    fault: 'removed',
    detail: `there is no event at position ${position}, though a seal covers it`,
  };
}

const altered = ({ position }: Row, detail: string): LogFault => ({
  position,
  fault: 'altered',
  detail: `the event at position ${position} was altered: ${detail}`,
});

// A time that the log never gives (infinity, a year before our era) has none.
function digestOf(row: Row): Buffer | undefined {
  try {
    return eventDigest({ ...row, received_at: instantFromPostgres(row.received_at) });
  } catch {
    return undefined;
  }
}

function differingColumn({ body, columns }: Row): string | undefined {
  const webhook = JSON.parse(body);
  // What append_events never lets in has no columns to compare with.
  if (typeof webhook?.payload !== 'object' || webhook.payload === null) return 'event';
  if (typeof webhook.event !== 'string') return 'event';
  const expected = describeWebhook(webhook);
  return Object.keys(expected).find(
    (name) => expected[name as keyof WebhookColumns] !== columns[name as keyof WebhookColumns],
  );
}

// From the seals, as the chain was: the view of the head could be another one by now. Later seals are appends meanwhile.
async function checkNothingBehind(db: Queryable, head: number): Promise<LogFault | undefined> {
  const { rows } = await db.query(
    `SELECT min(position) AS position FROM event_log
     WHERE (position > $1 AND position > (SELECT coalesce(max(last_position), 0) FROM seal)) OR position < 1`,
    [head],
  );
  const position: number | null = rows[0].position;
  if (position === null) return undefined;
  return {
    position,
    fault: 'inserted',
    detail: `no seal covers position ${position}: it was not appended by append_events`,
  };
}

/** Some of the rows behind a position up to another one, the first of them first; none where there are none. */
type RowReader = (after: number, through: number) => Promise<Row[]>;

// A quiet log has a seal an event: rows are read over many seals, up to the last that is known.
function createRowReader(db: Queryable, last: number): RowReader {
  let rows: Row[] = [];
  return async (after, through) => {
    if (rows.length === 0) rows = await readRows(db, after, last);
    const behind = rows.findIndex(({ position }) => position > through);
    return rows.splice(0, behind < 0 ? rows.length : behind);
  };
}

async function readRows(db: Queryable, after: number, through: number): Promise<Row[]> {
  const result = await db.query({
    text: `SELECT position, event_id, received_at, source, headers, body, encode(digest, 'hex'), workspace_id, customer_id, event,
        integration_id, resource_type, resource_id, state
      FROM (
        SELECT *, sum(pg_column_size(body)) OVER (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
        FROM (SELECT * FROM event_log WHERE position > $1 AND position <= $2 ORDER BY position LIMIT ${EVENTS_A_READ}) r
      ) e WHERE before IS NULL OR before < ${BYTES_A_READ} ORDER BY position`,
    values: [after, through],
    rowMode: 'array',
    types: TEXT_TYPES,
  });
  return (result.rows as unknown as string[][]).map(toRow);
}

function toRow(texts: string[]): Row {
  const [position, event_id, received_at, source, headers, body, digest] = texts as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const [workspace_id, customer_id, event, integration_id, resource_type, resource_id, state] = texts.slice(
    7,
  ) as [string | null, string | null, string, string | null, string | null, string | null, string | null];
  return {
    position: Number(position),
    event_id,
    received_at,
    source,
    headers,
    body,
    digest,
    columns: { workspace_id, customer_id, event, integration_id, resource_type, resource_id, state },
  };
}
