import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { keyId } from '../../projections/key.js';
import { createKeyMap } from '../../src/projector/key-map.js';

const part = fc.constantFrom<(string | null)[]>(null, '', 'a', 'b', '-', '1:a');
const step = (width: number) =>
  fc.record({
    what: fc.constantFrom('set', 'get', 'sweep'),
    key: fc.array(part, { minLength: width, maxLength: width }),
    value: fc.nat(9),
  });

t.test('a key map holds what a map of whole keys holds, through sweeps', async () => {
  for (const width of [1, 2, 3])
    fc.assert(
      fc.property(fc.array(step(width), { maxLength: 60 }), (steps) => {
        const map = createKeyMap<number>(width);
        const whole = new Map<string, number>();
        for (const { what, key, value } of steps)
          if (what === 'set') {
            map.set(key, value);
            whole.set(keyId(key), value);
          } else if (what === 'get') assert.equal(map.get(key), whole.get(keyId(key)));
          else {
            map.sweep((held) => held >= value);
            for (const [id, held] of whole) if (held < value) whole.delete(id);
          }
      }),
      { numRuns: 300 },
    );
});
