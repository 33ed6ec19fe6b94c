import t from 'tap';
import { binaryArray, type Element, type ElementType } from '../../src/postgres/binary-array.js';
import { createTestDatabase } from '../support/test-database.js';

const TAKEN: [ElementType, Element[], Element[]][] = [
  ['text', ['', 'é\u{1f600}', null], ['', 'é\u{1f600}', null]],
  ['int8', [0, -1, Number.MAX_SAFE_INTEGER, null], ['0', '-1', '9007199254740991', null]],
  ['int4', [0, -1, 2 ** 31 - 1], ['0', '-1', '2147483647']],
  ['bool', [true, false, null], ['true', 'false', null]],
  ['timestamptz', ['2026-11-23T22:46:00.120Z'], ['2026-11-23 22:46:00.12+00']],
  ['json', ['{"a": 1}', Buffer.from('[2]')], ['{"a": 1}', '[2]']],
  ['bytea', [Buffer.from([1, 255])], ['\\x01ff']],
  ['uuid', ['9cabf461-f12c-4495-ab3f-38f3d0e6c503'], ['9cabf461-f12c-4495-ab3f-38f3d0e6c503']],
];

t.test('values arrive as they are', async (t) => {
  const { pool } = await createTestDatabase(t);
  for (const [type, values, want] of TAKEN) {
    const { rows } = await pool.query(`SELECT unnest($1::${type}[])::text AS value`, [
      binaryArray(type, values),
    ]);
    t.same(
      rows.map(({ value }) => value),
      want,
      type,
    );
  }
});

const REFUSED: [ElementType, unknown[]][] = [
  ['text', [7, {}, true, undefined, Buffer.from('a'), 'a\ud800']],
  ['int8', [Number.NaN, 'abc', '5', 1.5, Infinity, 2 ** 53, 5n, {}, true]],
  ['int4', [Number.NaN, '5', 1.5, 2 ** 31]],
  ['bool', ['true', 0, {}]],
  ['timestamptz', ['yesterday', 5, new Date(0), '']],
  ['json', [{}, 5, [], undefined]],
  ['bytea', ['a', [1]]],
  ['uuid', ['9cabf461-f12c-4495-ab3f-38f3d0e6c50', 'z'.repeat(32), 5]],
];

t.test('a value that its type cannot take is refused, not stored as another', (t) => {
  for (const [type, values] of REFUSED)
    for (const value of values)
      t.throws(() => binaryArray(type, [null, value as Element]), { code: '22P03', message: /^expected / });
  t.end();
});
