import fc from 'fast-check';
import t from 'tap';
import { parseSubject, SUBJECT_COLUMNS, subjectOf } from '../../src/bus/subject.js';
import { fromToken, LONGEST_TOKEN, toToken } from '../../src/bus/subject-token.js';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom(
    '_',
    '',
    '.',
    '*',
    '>',
    '%',
    '%5F',
    '%empty',
    '%sha256-',
    'a b',
    'é',
    '\u0001',
    '\r\n',
    '__',
  ),
);
const column = fc.option(anyText);
const columns = fc.record(
  Object.fromEntries(SUBJECT_COLUMNS.map((name) => [name, column])) as Record<
    (typeof SUBJECT_COLUMNS)[number],
    typeof column
  >,
);

t.test('a subject names the columns of its event', async (t) => {
  const event = {
    workspace_id: '5f2b8c1e-7d1f-4a43-9a52-0c2f3d1f7a10',
    customer_id: null,
    event: 'integration_resource_new',
    integration_id: 'jira:cloud',
    resource_type: 'crm_crmcontact',
  };
  t.equal(
    subjectOf(event),
    'munity.5f2b8c1e-7d1f-4a43-9a52-0c2f3d1f7a10._.integration_resource_new.jira%3Acloud.crm_crmcontact',
  );
});

t.test('null, the empty text, a lone underscore and what looks like an escape are told apart', async (t) => {
  const tokens = [null, '', '_', '%5F', '%empty', '%sha256-00', 'a.b', 'a*', '>', 'ü'].map(toToken);
  t.same(tokens, [
    '_',
    '%empty',
    '%5F',
    '%255F',
    '%25empty',
    '%25sha256-00',
    'a%2Eb',
    'a%2A',
    '%3E',
    '%C3%BC',
  ]);
});

t.test('any values can be read back from their subject', async () => {
  fc.assert(
    fc.property(columns, (event) => {
      const parsed = parseSubject(subjectOf(event));
      for (const name of SUBJECT_COLUMNS) {
        const found = parsed?.[name];
        const hashed = typeof found === 'object' && found !== null;
        if (!hashed && found !== event[name]) return false;
      }
      return true;
    }),
    { numRuns: 1000 },
  );
});

t.test(
  'a token is short printable ASCII without a character of the protocol, whatever the text',
  async () => {
    fc.assert(
      fc.property(
        fc.oneof(anyText, fc.string({ unit: 'binary', minLength: 150, maxLength: 3000 })),
        (text) => {
          const token = toToken(text);
          return /^[A-Za-z0-9_~%-]+$/.test(token) && token.length <= LONGEST_TOKEN;
        },
      ),
      { numRuns: 1000 },
    );
  },
);

t.test('a long value is replaced by its digest, which says so', async (t) => {
  const token = toToken('x'.repeat(201));
  t.match(token, /^%sha256-[0-9a-f]{64}$/);
  t.match(fromToken(token), { sha256: /^[0-9a-f]{64}$/ });
  t.not(token, toToken('x'.repeat(202)));
});

t.test('a subject of another form is not parsed', async (t) => {
  for (const subject of [
    'munity',
    'munity.a.b.c.d',
    'other.a.b.c.d.e',
    'munity.a.b.c.d.e.f',
    'munity.%E0.b.c.d.e',
  ])
    t.equal(parseSubject(subject), undefined, subject);
});
