import t from 'tap';
import { describeRunning } from '../../src/cli/start/report.js';

function describe(servers: { databaseUrl?: string; natsUrl?: string }): string {
  const lines = describeRunning({
    access: { isNew: false },
    databaseUrl: 'postgres://me@db/log',
    natsUrl: 'nats://127.0.0.1:4222',
    ingestUrl: 'http://127.0.0.1:8080',
    queryUrl: 'http://127.0.0.1:8081',
    ...servers,
  });
  return lines.join('\n');
}

t.test('what start prints names the servers of NATS, and none of their credentials', async (t) => {
  const withPassword = describe({ natsUrl: 'nats://me:SECRET@one:4222,nats://me:SECRET@two' });
  t.match(withPassword, 'NATS          one:4222, two:4222   stream');
  const withToken = describe({ natsUrl: 'tls://SECRET@one' });
  t.match(withToken, 'NATS          one:4222   stream');
  t.notMatch(withPassword + withToken, 'SECRET');
});

t.test(
  'what start prints names Postgres in every form that it can be named in, without a password',
  async (t) => {
    const forms = {
      'postgres://me:SECRET@db:5433/log?sslmode=require': 'postgres://me@db:5433/log?sslmode=require',
      'postgres://db/log?user=me&password=SECRET': 'postgres://db/log?user=me',
      'postgres://me:SECRET@/log?host=/run/postgresql': 'postgres://me@/log?host=/run/postgresql',
      '/run/postgresql log': '/run/postgresql log',
    };
    for (const [databaseUrl, shown] of Object.entries(forms)) {
      const text = describe({ databaseUrl });
      t.match(text, `Postgres      ${shown}   (`);
      t.notMatch(text, 'SECRET');
    }
  },
);
