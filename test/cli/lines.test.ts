import { createHash, type Hash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { readLines } from '../../src/cli/import/lines.js';

function createPath(t: Pick<Test, 'teardown'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'hookfold-lines-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'lines');
}

const MEGABYTE = 1024 * 1024;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

t.test('a file is its lines, each with where it ends and the digest up to there', async (t) => {
  const path = createPath(t);
  const limits = { lineBytes: 8, prefixBytes: 3 };
  const piece = fc.string({ unit: fc.constantFrom('a', 'b', '\r', '\n'), maxLength: 24 });
  await fc.assert(
    fc.asyncProperty(piece, piece, async (before, text) => {
      writeFileSync(path, before + text);
      const start = { bytes: before.length, hash: createHash('sha256').update(before) };
      const found: unknown[] = [];
      for await (const { bytes, length, isEnded, end, hash } of readLines(path, start, limits))
        found.push([bytes.toString(), length, isEnded, end, hash.copy().digest('hex')]);
      let end = before.length;
      const expected = (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((raw) => {
        end += raw.length;
        const isLonger = raw.length > limits.lineBytes + 2;
        const line = raw.replace(isLonger ? /\n$/ : /\r?\n$/, '');
        const given = line.length > limits.lineBytes ? line.slice(0, limits.prefixBytes) : line;
        return [given, line.length, raw.endsWith('\n'), end, sha256((before + text).slice(0, end))];
      });
      return isDeepStrictEqual(found, expected);
    }),
  );
});

t.test('lines of one read have one hash, and a last one without an end another', async (t) => {
  const path = createPath(t);
  writeFileSync(path, 'a\nb\n\nc');
  const limits = { lineBytes: 8, prefixBytes: 3 };
  const hashes: Hash[] = [];
  for await (const { hash } of readLines(path, { bytes: 0, hash: createHash('sha256') }, limits))
    hashes.push(hash);
  t.equal(hashes.length, 4);
  t.equal(new Set(hashes).size, 2, 'to copy one costs more than to read a line');
  t.equal(hashes[2]?.digest('hex'), sha256('a\nb\n\n'));
});

t.test('a line is held no longer than it may be', async (t) => {
  const path = createPath(t);
  writeFileSync(path, '');
  truncateSync(path, 400 * MEGABYTE);
  const limits = { lineBytes: 5 * MEGABYTE, prefixBytes: 1000 };
  const before = process.resourceUsage().maxRSS;
  for await (const line of readLines(path, { bytes: 0, hash: createHash('sha256') }, limits))
    t.match(
      { ...line, bytes: line.bytes.length },
      { bytes: 1000, length: 400 * MEGABYTE, end: 400 * MEGABYTE },
    );
  const more = (process.resourceUsage().maxRSS - before) / 1024;
  t.ok(more < 200, `${more} MB`);
});
