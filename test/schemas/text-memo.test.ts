import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { createTextMemo } from '../../schemas/text-memo.js';

t.test('bytes give their text, whatever was made before', async () => {
  const alike = fc.tuple(fc.constantFrom('customer_', 'é', ''), fc.nat(40)).map(([head, n]) => `${head}${n}`);
  const text = fc.oneof(alike, fc.string({ unit: 'grapheme', maxLength: 40 }), fc.constant('x'.repeat(100)));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 200 }), (texts) => {
      const textOf = createTextMemo();
      const bytes = Buffer.from(texts.join(''));
      let start = 0;
      for (const expected of texts) {
        const end = start + Buffer.byteLength(expected);
        assert.equal(textOf(bytes, start, end), expected);
        start = end;
      }
    }),
  );
});

t.test(
  'bytes that are written over give the new text, not the one that was made of them before',
  async () => {
    const room = Buffer.alloc(36);
    const id = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(fc.array(id, { minLength: 2000, maxLength: 3000 }), (ids) => {
        const textOf = createTextMemo();
        for (const expected of ids) {
          room.write(expected, 4, 'latin1');
          assert.equal(textOf(room, 4, 36), expected);
        }
      }),
      { numRuns: 10 },
    );
  },
);

t.test('a text stays when the bytes that it was made of are written over', async (t) => {
  const textOf = createTextMemo();
  const bytes = Buffer.from('integration_installed');
  t.equal(textOf(bytes, 0, bytes.length), 'integration_installed');
  bytes.fill('x');
  t.equal(textOf(Buffer.from('integration_installed'), 0, bytes.length), 'integration_installed');
  t.equal(textOf(bytes, 0, bytes.length), 'x'.repeat(bytes.length));
});
