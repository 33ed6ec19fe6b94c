import { randomBytes } from 'node:crypto';
import t from 'tap';
import { FOLDED_COLUMNS, toFoldedEvents } from '../../src/log/copied-event.js';
import { type CopiedRun, createRunCopier } from '../../src/log/read-run.js';
import { appendBodies } from '../relay/mirrored-log.js';
import { createTestDatabase } from '../support/test-database.js';

const bodyOf = (size: number) =>
  JSON.stringify({ event: 'e', payload: { text: randomBytes(size / 2).toString('hex') } });
const room = () => Buffer.allocUnsafeSlow(1000);
const positionsOf = (run: CopiedRun) => toFoldedEvents(run).map(({ position }) => position);

t.test('a run takes what fits, in order, and one event in any case', async (t) => {
  const { pool } = await createTestDatabase(t);
  const sizes = [10, 5000, 20, 400, 3000, 3000, 30, 9000, 10, 10, 10, 6000];
  await appendBodies(pool, sizes.map(bodyOf));
  const whole = await createRunCopier(FOLDED_COLUMNS)(pool, 0, { events: 100, bytes: 1e9 }, room());
  t.strictSame(
    positionsOf(whole),
    sizes.map((_, index) => index + 1),
  );
  t.equal(whole.isFull, false);
  // Each row's message, the first with the header of the file.
  const ends = [...whole.starts.slice(1), whole.end + 5].map((start) => start - 5);
  const lengths = ends.map((end, index) => end - (index === 0 ? 19 : ends[index - 1]!));

  function expected(position: number, limits: { events: number; bytes: number }): number[] {
    const positions: number[] = [];
    let left = limits.bytes - 19;
    for (let at = position + 1; at <= Math.min(position + limits.events, lengths.length); at++) {
      left -= lengths[at - 1]!;
      if (left < 0 && positions.length > 0) break;
      positions.push(at);
      if (left < 0) break;
    }
    return positions;
  }

  for (const bytes of [1, 500, 4000, 10_000, 1_000_000])
    for (const events of [1, 3, 100])
      for (let position = 0; position <= sizes.length; position++) {
        // New each time: it has no notion yet of how large the rows are.
        const run = await createRunCopier(FOLDED_COLUMNS)(pool, position, { events, bytes }, room());
        const wanted = expected(position, { events, bytes });
        const about = `after ${position}, ${events} events, ${bytes} bytes`;
        if (!t.same(positionsOf(run), wanted, about)) return;
        const isLimited = wanted.length === events || (wanted.at(-1) ?? position) < sizes.length;
        if (wanted.length > 0 && !t.equal(run.isFull, isLimited, about)) return;
      }
});

t.test(
  'runs follow each other without a gap, whatever the sizes, and say whether more may follow',
  async (t) => {
    const { pool } = await createTestDatabase(t);
    // Small, then large, then small again: what fits is guessed from the run before.
    const sizes = [600, 30, 300].flatMap((count, index) =>
      Array.from({ length: count }, () => (index === 1 ? 400_000 : 300)),
    );
    for (let at = 0; at < sizes.length; at += 50)
      await appendBodies(pool, sizes.slice(at, at + 50).map(bodyOf));
    const copy = createRunCopier(FOLDED_COLUMNS);
    const limits = { events: 200, bytes: 1_000_000 };
    const found: number[] = [];
    let isFull = true;
    for (let runs = 0; isFull && runs < 100; runs++) {
      const run = await copy(pool, found.length, limits, room());
      found.push(...positionsOf(run));
      ({ isFull } = run);
      t.ok(run.end <= limits.bytes || run.starts.length === 1, 'memory is bounded');
      t.ok(run.starts.length > 0 || !isFull);
    }
    t.strictSame(
      found,
      sizes.map((_, index) => index + 1),
    );
    t.ok(pool.totalCount <= 2, 'what was given up was replaced');
  },
);

t.test('no text gets into the statement', async (t) => {
  const { pool } = await createTestDatabase(t);
  const copy = createRunCopier(FOLDED_COLUMNS);
  await t.rejects(copy(pool, '0' as unknown as number, { events: 1, bytes: 1 }, room()), RangeError);
  await t.rejects(copy(pool, Number.NaN, { events: 1, bytes: 1 }, room()), RangeError);
});
