import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { cutPayload, elementTexts, memberText, objectText } from '../../projections/json-text.js';
import type { JsonText } from '../../schemas/columns.js';

const NAMES = [
  'a',
  'b',
  '',
  'payload',
  '__proto__',
  'é',
  'quo"te',
  'back\\',
  '\\',
  '1',
  'new\nline',
  '\ud83d\ude00',
];
const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 2 });
const escaped = (text: string) =>
  `"${[...Array(text.length).keys()].map((n) => `\\u${text.charCodeAt(n).toString(16).padStart(4, '0')}`).join('')}"`;
const stringText = fc
  .tuple(
    fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('\\', '"', '{', ']', ',', ':') })),
    fc.boolean(),
  )
  .map(([text, plain]) => (plain ? JSON.stringify(text) : escaped(text)));
const nameText = fc
  .tuple(fc.constantFrom(...NAMES), fc.boolean())
  .map(([name, plain]) => (plain ? JSON.stringify(name) : escaped(name)));
const scalarText = fc.constantFrom(
  'null',
  'true',
  'false',
  '0',
  '-0',
  '1e400',
  '12345678901234567890.50',
  '-1.5E-7',
);

const { value, object, array } = fc.letrec<{ value: string; object: string; array: string }>((tie) => {
  const spaced = fc.tuple(space, tie('value'), space).map((parts) => parts.join(''));
  const member = fc
    .tuple(space, nameText, space, spaced)
    .map(([a, name, b, text]) => `${a}${name}${b}:${text}`);
  return {
    value: fc.oneof({ maxDepth: 4 }, scalarText, stringText, tie('object'), tie('array')),
    object: fc
      .tuple(fc.array(member, { maxLength: 5 }), space)
      .map(([list, s]) => `{${list.join(',') || s}}`),
    array: fc.tuple(fc.array(spaced, { maxLength: 5 }), space).map(([list, s]) => `[${list.join(',') || s}]`),
  };
});
const parsed = (text: string | undefined) => (text === undefined ? undefined : JSON.parse(text));
const own = (of: object, name: string) => (Object.hasOwn(of, name) ? of[name as keyof typeof of] : undefined);

t.test('a member’s text is what JSON.parse takes for that member, in any JSON', async () => {
  const around = fc.tuple(space, object, space).map((parts) => parts.join(''));
  fc.assert(
    fc.property(around, fc.constantFrom(...NAMES), (text, name) => {
      assert.deepEqual(parsed(memberText(text, name)), own(JSON.parse(text), name));
    }),
    { numRuns: 300 },
  );
});

t.test('the texts of an array’s elements are its elements, cut out of the text', async () => {
  fc.assert(
    fc.property(space, array, (lead, text) => {
      const elements = elementTexts((lead + text) as JsonText);
      assert.deepEqual(elements.map(parsed), JSON.parse(text));
      assert.ok(elements.every((element) => text.includes(element)));
    }),
    { numRuns: 300 },
  );
});

t.test('members of a payload are those of the last payload, null for absent and null', async () => {
  const payload = fc.oneof({ weight: 4, arbitrary: object }, { weight: 1, arbitrary: value });
  const body = fc
    .tuple(fc.array(payload, { minLength: 1, maxLength: 3 }), object)
    .map(([payloads, other]) => {
      const members = payloads.map((text) => `"payload" : ${text}`);
      return `{"event": ${other}, ${members.join(', ')} , "more": [${other}] }`;
    });
  fc.assert(
    fc.property(body, fc.uniqueArray(fc.constantFrom(...NAMES)), (body, names) => {
      const { payload } = JSON.parse(body);
      const isObject = typeof payload === 'object' && payload !== null && !Array.isArray(payload);
      const want = names.map((name) => (isObject ? (own(payload, name) ?? null) : null));
      const { texts: got, rest } = cutPayload(body, names);
      assert.deepEqual(
        got.map((text) => text && JSON.parse(text)),
        want,
      );
      const left = JSON.parse(body);
      if (isObject)
        for (const name of names)
          if (Object.hasOwn(payload, name)) Object.defineProperty(left.payload, name, { value: null });
      assert.deepEqual(JSON.parse(rest), left);
    }),
    { numRuns: 300 },
  );
});

t.test('numbers, escapes, order and white space within a text stay as they were', async (t) => {
  const exact = '{ "z":1.0,"a" : 100000000000000000000000001, "a":-0e-0,\t"s":"\\u00e9\\/\\u0000" }';
  t.equal(memberText(`{"x": ${exact} ,"y":1}`, 'x'), exact);
  t.equal(cutPayload(`{"payload":{"data":${exact}}}`, ['data']).texts[0], exact);
  t.strictSame(elementTexts(`[ ${exact} ,1.0]` as JsonText), [exact, '1.0']);
  t.equal(objectText({ a: exact as JsonText, b: null }), `{"a":${exact},"b":null}`);
});

t.test('texts nested deeper than any stack are walked', async (t) => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  t.equal(memberText(`{"a":${deep},"b":2}`, 'b'), '2');
});

t.test('a text that is no object has no members', async (t) => {
  for (const text of ['[]', '"a"', 'null', '1', '[{"a":1}]']) t.equal(memberText(text, 'a'), undefined);
});
