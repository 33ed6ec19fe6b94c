// Answers that need events which are not in the log at present.
import t from 'tap';
import { buildQuery } from '../support/build-query.js';
import { fillLog } from '../support/fill-log.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { I, updated } from '../support/query-webhooks.js';

const TYPE = encodeURIComponent('crm contact/ü');

t.test('a position behind a detached part of the log is a 503 until that is attached again', async (t) => {
  const { database, detach, attach } = await createPartitionedLog(t);
  await fillLog(
    database.pool,
    Array.from({ length: 3 * SIZE }, (_, n) => updated(`r${n % 10}`, n)),
  );
  const { get } = await buildQuery(t, database);
  const paths = [
    `/v1/integrations/${I}`,
    `/v1/resources?integration_id=${I}`,
    `/v1/resources/${I}/${TYPE}/r1`,
    `/v1/resources/${I}/${TYPE}/r1/history`,
  ];
  const at = (position: number) =>
    Promise.all(paths.map((path) => get(`${path}${path.includes('?') ? '&' : '?'}as_of=${position}`)));
  const whole = await at(3 * SIZE);
  await detach(1 + SIZE);
  for (const answer of await at(3 * SIZE)) {
    t.match(answer, { status: 503, json: { code: 'log-incomplete' } });
    t.match(answer.json.detail, `none at ${1 + SIZE} `);
    t.ok(Number(answer.headers['retry-after']) > 0);
  }
  for (const answer of await at(SIZE)) t.equal(answer.status, 200, 'what lies before it is whole');
  await attach(1 + SIZE);
  t.same(
    (await at(3 * SIZE)).map(({ json }) => json),
    whole.map(({ json }) => json),
  );
});
