// Answers that need events which are not in the log at present.
import t, { type Test } from 'tap';
import { buildQuery } from '../support/build-query.js';
import { fillLog } from '../support/fill-log.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { I, updated, W } from '../support/query-webhooks.js';
import { waitFor } from '../support/wait-for.js';

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

/** A log of three partitions, without the second. */
async function buildWithGap(t: Test) {
  const { database, detach, attach } = await createPartitionedLog(t);
  await fillLog(
    database.pool,
    Array.from({ length: 3 * SIZE }, (_, n) => updated(`r${n % 10}`, n)),
  );
  await detach(1 + SIZE);
  return { ...(await buildQuery(t, database)), attach };
}

t.test('a list of events goes up to the part of the log that is detached, from either side', async (t) => {
  const { get } = await buildWithGap(t);
  for (const path of ['/v1/events', `/v1/integrations/${I}/events`, '/v1/events?event=none'])
    for (const [order, first, last] of [
      ['asc', 1, SIZE],
      ['desc', 3 * SIZE, 2 * SIZE + 1],
    ] as const) {
      const url = `${path}${path.includes('?') ? '&' : '?'}order=${order}&limit=1000`;
      const page = await get(url);
      t.equal(page.status, 200);
      if (!path.includes('none')) {
        t.equal(page.json.items[0].position, first);
        t.equal(page.json.items.at(-1).position, last);
        t.equal(page.json.items.length, SIZE);
      }
      const next = await get(`${url}&cursor=${page.json.next_cursor}`);
      t.match(
        next,
        { status: 503, json: { code: 'log-incomplete' } },
        'there is no page that passes over it',
      );
    }
  t.match(await get(`/v1/events?order=asc&after=${2 * SIZE}`), {
    status: 200,
    json: { items: { length: 100 } },
  });
  t.match(await get(`/v1/events?before=${SIZE + 1}`), {
    ...{ status: 200, json: { items: { length: SIZE }, next_cursor: null } },
  });
});

t.test('an event that is in it is a 503, not a 404', async (t) => {
  const { get, attach } = await buildWithGap(t);
  const paths = [`/v1/events/${SIZE + 50}`, `/v1/events/${SIZE + 50}/body`];
  for (const path of paths) t.match(await get(path), { status: 503, json: { code: 'log-incomplete' } });
  t.equal((await get(`/v1/events/${SIZE}`)).status, 200);
  t.equal((await get(`/v1/events/${3 * SIZE + 1}`)).status, 404);
  await attach(1 + SIZE);
  for (const path of paths) t.equal((await get(path)).status, 200);
});

t.test('a live stream ends before it, and goes on behind its last id once it is attached', async (t) => {
  const { app, addKey, get, attach } = await buildWithGap(t);
  const origin = await app.listen({ port: 0 });
  const authorization = `Bearer ${await addKey('ours', [W])}`;
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const open = (after: number) =>
    fetch(`${origin}/v1/events/live?after=${after}`, { headers: { authorization }, signal: stop.signal });
  const text = await (await open(SIZE / 2)).text();
  t.equal(Number([...text.matchAll(/^id: (\d+)$/gm)].at(-1)![1]), SIZE);
  t.match(await get(`/v1/events/live?after=${SIZE}`), { status: 503, json: { code: 'log-incomplete' } });
  await attach(1 + SIZE);
  const again = (await open(SIZE)).body!.pipeThrough(new TextDecoderStream());
  let rest = '';
  void (async () => {
    for await (const chunk of again) rest += chunk;
  })().catch(() => {});
  await waitFor(() => rest.includes(`id: ${3 * SIZE}\ndata:`));
  t.match(rest, `id: ${SIZE + 1}\ndata:`);
});
