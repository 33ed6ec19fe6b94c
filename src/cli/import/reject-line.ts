import { REJECTIONS } from '../../../schemas/http-ingest.js';
import type { NewRejected } from '../../log/rejected.js';
import type { Imported } from './commit-batch.js';
import type { BadLine } from './interpret-line.js';

const BAD_LINES_NAMED = 100;

/** Tells in the outcome of an import that line `number` is no event, and why; answers what is to be kept of it. */
export function rejectLine(
  imported: Imported,
  number: number,
  { reason, detail: why = REJECTIONS[reason].detail }: BadLine,
  { source, body, length }: { source: string; body: Buffer; length: number },
): NewRejected {
  const detail = `line ${number}: ${why}`;
  imported.badCount += 1;
  if (imported.bad.length < BAD_LINES_NAMED) imported.bad.push({ line: number, reason, detail });
  return { source, reason, detail, delivery_id: null, headers: '{}', body, body_length: length };
}
