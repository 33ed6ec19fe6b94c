import t from 'tap';
import { parseNatsUrl } from '../../src/bus/nats-url.js';

t.test('NATS_URL names servers, credentials and TLS', async (t) => {
  t.same(parseNatsUrl('nats://localhost'), { servers: ['localhost:4222'] });
  t.same(parseNatsUrl('a:1, nats://b:2'), { servers: ['a:1', 'b:2'] });
  t.same(parseNatsUrl('nats://[::1]:4223'), { servers: ['[::1]:4223'] });
  t.same(parseNatsUrl('nats://me:p%40ss@h:1'), { servers: ['h:1'], user: 'me', pass: 'p@ss' });
  t.same(parseNatsUrl('nats://token@h:1'), { servers: ['h:1'], token: 'token' });
  t.same(parseNatsUrl('tls://h'), { servers: ['h:4222'], tls: {} });
  t.throws(() => parseNatsUrl('nats://me:secret@'), { message: /^(?!.*secret)/ });
  for (const url of ['nats://a:4222,', ',a', 'nats://'])
    t.throws(() => parseNatsUrl(url), { name: 'TypeError', message: /^NATS_URL has to be like/ });
  for (const url of ['nats://me:50%off@h', 'nats://50%off@h'])
    t.throws(() => parseNatsUrl(url), { name: 'TypeError', message: /^NATS_URL (?!.*off).*%25/ });
});
