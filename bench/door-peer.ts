// What `ingest` is measured beside, as a process of its own: the floor, a Fastify route with the same parsing that
// answers at once; and the obvious handler, which inserts and then publishes.
import Fastify, { type FastifyInstance } from 'fastify';
import { connect } from 'nats';
import { parseWebhook } from '../src/ingest/parse-webhook.js';
import { createPool } from '../src/postgres/connect.js';

export interface PeerOrder {
  kind: 'floor' | 'obvious';
  databaseUrl: string;
  natsUrl: string;
}

export interface PeerAnswer {
  url: string;
}

/** Table and stream of the obvious handler. */
export const OBVIOUS_TABLE = 'obvious_log';
export const OBVIOUS_STREAM = 'OBVIOUS';

function floor(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.post('/webhooks/:source/:token', async (request, reply) => {
    const webhook = parseWebhook(request.body as Buffer, request.headers);
    return reply.code(typeof webhook === 'string' ? 400 : 202).send({ position: 1 });
  });
}

async function obvious(app: FastifyInstance, { databaseUrl, natsUrl }: PeerOrder): Promise<void> {
  const pool = createPool(databaseUrl, { max: 10 });
  const connection = await connect({ servers: natsUrl });
  const client = connection.jetstream();
  const insert = `INSERT INTO ${OBVIOUS_TABLE} (body) VALUES ($1) RETURNING id`;
  app.post('/webhooks/:source/:token', async (request, reply) => {
    const body = JSON.stringify(request.body);
    const { rows } = await pool.query({ name: 'insert', text: insert, values: [body] });
    await client.publish(`${OBVIOUS_STREAM}.event`, body);
    return reply.code(202).send({ position: rows[0].id });
  });
}

process.once('message', async (order: PeerOrder) => {
  const app = Fastify();
  if (order.kind === 'floor') floor(app);
  else await obvious(app, order);
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  process.send?.({ url } satisfies PeerAnswer);
  process.once('disconnect', () => process.exit(0));
});
