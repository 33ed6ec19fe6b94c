import type { Command } from 'commander';
import type { CommandContext } from './context.js';
import { describeError } from './describe-error.js';
import { readAccess } from './start/access.js';
import { type OneMachine, startOneMachine } from './start/one-machine.js';
import { urlOf } from './start/ports.js';
import { describeOneMachine, webhookUrl } from './start/report.js';
import { listenForStop } from './stop-request.js';

/** `hookfold start`: everything on one machine. */
export function addStartCommand(program: Command, context: CommandContext): void {
  program
    .command('start')
    .description('Start everything on this machine: Postgres, NATS, ingest, relay, projector, query.')
    .option(
      '--show-url',
      'print the webhook URL and the API key that the first start made, and start nothing',
    )
    .addHelpText(
      'after',
      `
Postgres comes with npm, its data lie in HOOKFOLD_DATA (.hookfold) and are kept. Set DATABASE_URL or NATS_URL to
use servers of your own. INGEST_PORT (8080), QUERY_PORT (8081) and HOST (127.0.0.1) say where it listens.
Ctrl-C stops it all within ten seconds; a second Ctrl-C leaves at once.`,
    )
    .action(async ({ showUrl }: { showUrl?: boolean }) => {
      if (showUrl) showAccess(context);
      else await runUntilStopped(context);
    });
}

function showAccess(context: CommandContext): void {
  const access = readAccess(context.home);
  if (!access?.token)
    throw new Error(
      `no start in ${context.home} made a source yet. Run npm start, or: npx hookfold source rotate NAME`,
    );
  const ingestUrl = context.running()?.ingestUrl ?? urlOf(context, context.configuration.INGEST_PORT);
  context.print(`webhook URL  ${webhookUrl(ingestUrl, access.token)}`);
  context.print(`API key      ${access.key}`);
}

async function runUntilStopped(context: CommandContext): Promise<never> {
  process.stdout.on('error', () => {}); // Whoever read it has gone; the service goes on.
  const request = listenForStop();
  const starting = startOneMachine(context, context.print);
  let machine: OneMachine | undefined;
  let asked = false;
  // What is left running by this, the next start takes over.
  request.again.then(async () => {
    await machine?.kill();
    process.exit(1);
  });
  request.asked.then(() => {
    asked = true;
    context.print('\nstopping …');
  });
  machine = await starting.catch((error) => {
    if (!asked) throw error;
    context.print(describeError(error));
    process.exit(1);
  });
  if (!asked) for (const line of describeOneMachine(machine)) context.print(line);
  await request.asked;
  await machine.stop();
  context.print('stopped.');
  process.exit(0);
}
