import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../postgres/package-root.js';
import { COMMANDS, type ListedCommand } from './commands.js';
import type { CommandContext } from './context.js';

/** The whole command line; parsing it loads the command that is named, opens its context, and runs it. */
export function createProgram(openContext: () => Promise<CommandContext>): Command {
  const { version, description } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  const program = new Command('hookfold').description(description).version(version);
  program.showHelpAfterError('(hookfold --help shows the commands, hookfold COMMAND --help one of them)');
  const listed = new Map<Command, ListedCommand>();
  for (const one of COMMANDS) listed.set(program.command(one.usage).description(one.description), one);
  program.hook('preSubcommand', async (_program, command) => {
    const named = listed.get(command);
    if (named) (await named.load())(command, await openContext());
  });
  addHelp(program);
  return program;
}

// Commander's own would show a command whose options are not loaded yet.
function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help [command]')
    .description('Show these lines, or the options of a command.')
    .action(async (command?: string) => {
      await program.parseAsync(command === undefined ? ['--help'] : [command, '--help'], { from: 'user' });
    });
}
