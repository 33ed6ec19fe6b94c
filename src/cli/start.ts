import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { CommandContext } from './context.js';
import { outliveReader } from './lost-reader.js';
import { readAccess } from './start/access.js';
import { createOneMachine } from './start/one-machine.js';
import { urlOf } from './start/ports.js';
import { describeRunning, webhookUrl } from './start/report.js';
import { listenForStop } from './stop-request.js';

const KILL_WITHIN_MS = 2_000;

/** `hookfold start`: everything on one machine. */
export function defineStart(command: Command, context: CommandContext): void {
  command
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
  if (!access) throw new Error(`nothing was started in ${context.home} yet. Run: npm start`);
  const ingestUrl = context.running()?.ingestUrl ?? urlOf(context, context.configuration.INGEST_PORT);
  const { token, key } = access;
  context.print(
    `webhook URL  ${token ? webhookUrl(ingestUrl, token) : 'unknown here; a new one: npx hookfold source rotate munity'}`,
  );
  context.print(`API key      ${key ?? 'unknown here; a new one: npx hookfold key add NAME --admin'}`);
}

async function runUntilStopped(context: CommandContext): Promise<never> {
  outliveReader();
  const machine = createOneMachine(context, context.print);
  // What this leaves running, the next start takes over.
  const asked = listenForStop(() => {
    Promise.race([machine.kill(), delay(KILL_WITHIN_MS)]).finally(() => process.exit(1));
  });
  const started = machine.start().then((running) => {
    for (const line of describeRunning(running)) context.print(line);
    return asked;
  });
  try {
    await Promise.race([asked, started]);
  } catch (error) {
    await machine.stop();
    throw error;
  }
  context.print('\nstopping …');
  await machine.stop();
  context.print('stopped.');
  process.exit(0);
}
