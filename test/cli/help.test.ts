// What a command can do is told without its servers, and without the machine behind the others.
import t, { type Test } from 'tap';
import { COMMANDS } from '../../src/cli/commands.js';
import { runProgram } from '../support/run-program.js';

const hookfold = (t: Test, args: string[], env = {}) => runProgram(t, args, env).exit;

t.test('the help lists every command, whatever the environment holds', async (t) => {
  const { code, stdout } = await hookfold(t, ['--help'], { LOG_LEVEL: 'loud' });
  t.equal(code, 0);
  for (const { usage } of COMMANDS) t.match(stdout, new RegExp(`^  ${usage.split(' ')[0]} `, 'm'));
});

t.test('help and --help of a command tell its options', async (t) => {
  const [asked, flagged, inner] = await Promise.all([
    hookfold(t, ['help', 'rebuild']),
    hookfold(t, ['rebuild', '--help']),
    hookfold(t, ['source', 'help', 'rotate']),
  ]);
  t.match(asked, { code: 0, stdout: /rebuild \[options\] \[names\.\.\.\][\s\S]*--dry-run/ });
  t.equal(flagged.stdout, asked.stdout);
  t.match(inner, { code: 0, stdout: /--overlap/ });
});

t.test(
  'a command that does not exist, and an environment or option that cannot be used, are told of',
  async (t) => {
    const [unknown, unusable, noUrl, tooMany] = await Promise.all([
      hookfold(t, ['rebuilt']),
      hookfold(t, ['status'], { LOG_LEVEL: 'loud' }),
      hookfold(t, ['ingest'], { DATABASE_URL: 'postgres://127.0.0.1:9/none', NATS_URL: 'nats://me:secret@' }),
      hookfold(t, ['projector', '--segments', '1000000']),
    ]);
    t.match(unknown, { code: 1, stderr: /unknown command 'rebuilt'[\s\S]*hookfold --help/ });
    t.match(unusable, { code: 2, stderr: /LOG_LEVEL/ });
    t.match(tooMany, { code: 1, stderr: /expected a whole number from 1 to 1024/ });
    t.match(noUrl, { code: 2, stderr: /^hookfold: NATS_URL has to be like (?!.*secret)/ });
  },
);
