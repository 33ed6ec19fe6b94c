// docs/seals.md, put to the test: its SQL exports a log, and a checker that shares no code with us reads that.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import t from 'tap';
import { eventDigest, GENESIS_SEAL, sealHash } from '../../src/log/digest.js';
import { verifyLog } from '../../src/log/verify-log.js';
import { packageRoot } from '../../src/postgres/package-root.js';
import { createSealedLog, ILLEGIBLE, illegible, TAMPERINGS, withTampering } from './sealed-log.js';

const docs = join(packageRoot(), 'docs');
const exportSql = readFileSync(join(docs, 'seal-export.sql'), 'utf8');
const database = await createSealedLog(t);

/** What the checker says of the log, with these modules of Perl's. */
const check = (client: pg.ClientBase, kept: string[] = [], perl: string[] = []) =>
  checkExport(client.query(copyTo(exportSql)), kept, perl);

/** What the checker says of an export. */
async function checkExport(exported: Readable, kept: string[] = [], perl: string[] = []) {
  const checker = spawn('perl', [...perl, join(docs, 'seal-checker.pl'), ...kept], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => checker.once('close', resolve));
  const said = text(checker.stdout);
  // It stops reading at the first fault, of which a writer hears while it writes, or before.
  await pipeline(exported, checker.stdin).catch((error) => {
    if (!['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(error.code)) throw error;
  });
  return { said: (await said).trim(), code: await ended };
}

const nothing = 'SELECT 1';

t.test('the checker verifies a log as it was appended, and tells the same seal as hookfold', (t) =>
  withTampering(database, nothing, async (client) => {
    const { seal } = await verifyLog(client);
    t.strictSame(await check(client), { said: `verified 20 events, 4 seals, seal ${seal}`, code: 0 });
  }),
);

t.test('it needs no more of Perl than the smallest Debian has', (t) =>
  withTampering(database, nothing, async (client) => {
    const withoutSha = 'unshift @INC, sub { die if $_[1] eq "Digest/SHA.pm" }; do shift or die $@';
    const { code } = await check(client, [], ['-e', withoutSha]);
    t.equal(code, 0);
  }),
);

t.test('every line of the export is ASCII of as many fields, whatever the texts hold', (t) =>
  withTampering(database, nothing, async (client) => {
    const lines = (await text(client.query(copyTo(exportSql)))).split('\n');
    t.equal(lines.pop(), '');
    t.equal(lines.pop(), '\tend\t20\t4\t\t\t\t');
    t.equal(lines.length, 24);
    for (const line of lines) t.match(line, /^\d+\t(event|seal)(\t[0-9a-f-]*){6}$/);
  }),
);

for (const { what, statements, position } of TAMPERINGS)
  t.test(`where ${what}, the checker and hookfold name position ${position}`, (t) =>
    withTampering(database, statements, async (client) => {
      const { said, code } = await check(client);
      t.match(said, new RegExp(`^position ${position}: `));
      t.equal(code, 1);
      t.equal((await verifyLog(client)).fault?.position, position);
    }),
  );

for (const [what, change] of Object.entries(ILLEGIBLE))
  t.test(`${what} with a digest that fits does not fit its seal`, (t) =>
    withTampering(database, illegible(change), async (client) => {
      t.match(await check(client), { said: /^position 1: seal broken/, code: 1 });
    }),
  );

t.test('an export that was cut off is not verified, wherever that was', (t) =>
  withTampering(database, nothing, async (client) => {
    const whole = await text(client.query(copyTo(exportSql)));
    const lines = whole.split(/(?<=\n)/);
    const ends = lines.map((_, index) => lines.slice(0, index).join('').length);
    for (const length of [...ends, ends[3]! + 100, whole.length - 8]) {
      const said = await checkExport(Readable.from([whole.slice(0, length)]));
      t.match(said, { said: /^position \d+: the export is cut off here$/, code: 1 }, `${length} characters`);
    }
    const half = await checkExport(Readable.from([lines.slice(0, 12).join('')]));
    t.equal(half.said, 'position 11: the export is cut off here', 'behind a seal');
  }),
);

t.test('a seal that was kept shows that events went together with their seals', async (t) => {
  const kept = await verifyLog(database.pool);
  const removal = 'DELETE FROM event_log WHERE position > 15; DELETE FROM seal WHERE last_position > 15';
  await withTampering(database, nothing, async (client) => {
    t.equal((await check(client, [kept.seal])).code, 0);
  });
  await withTampering(database, removal, async (client) => {
    t.equal((await check(client)).code, 0, 'without it the shorter log looks whole');
    t.match(await check(client, [kept.seal]), { said: /^position 16: /, code: 1 });
  });
});

t.test('the example of docs/seals.md is what hookfold and Postgres compute', async (t) => {
  const page = readFileSync(join(docs, 'seals.md'), 'utf8');
  const told = (name: string) => new RegExp(`^\\| \`${name}\` \\| \`(.*)\` \\|$`, 'm').exec(page)?.[1] ?? '';
  const [event_id, received_at, source] = [told('event_id'), told('received_at'), told('source')];
  const [headers, body] = [told('headers'), told('body')];
  const digest = eventDigest({ event_id, received_at, source, headers, body });
  const { rows } = await database.pool.query(
    "SELECT event_digest($1, $2, $3, convert_to($4, 'UTF8'), convert_to($5, 'UTF8')) AS digest",
    [event_id, received_at, source, headers, body],
  );
  t.ok(digest.equals(rows[0].digest));
  t.match(page, `digest  ${digest.toString('hex')}\n`);
  t.match(page, `seal    ${sealHash(GENESIS_SEAL, [digest]).toString('hex')}\n`);
});
