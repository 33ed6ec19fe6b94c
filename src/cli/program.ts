// The commands, one file each.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../postgres/package-root.js';
import type { CommandContext } from './context.js';
import { addDiffCommand } from './diff.js';
import { addImportCommand } from './import.js';
import { addIngestCommand } from './ingest.js';
import { addKeyCommand } from './key.js';
import { addMigrateCommand } from './migrate.js';
import { addParkedCommand } from './parked.js';
import { addProjectorCommand } from './projector.js';
import { addQueryCommand } from './query.js';
import { addRebuildCommand } from './rebuild.js';
import { addRejectedCommand } from './rejected.js';
import { addSimulateCommand } from './simulate.js';
import { addSourceCommand } from './source.js';
import { addStartCommand } from './start.js';
import { addStatusCommand } from './status.js';
import { addTailCommand } from './tail.js';
import { addVerifyCommand } from './verify.js';

const commands = [
  addStartCommand,
  addImportCommand,
  addDiffCommand,
  addIngestCommand,
  addKeyCommand,
  addMigrateCommand,
  addParkedCommand,
  addProjectorCommand,
  addQueryCommand,
  addRebuildCommand,
  addRejectedCommand,
  addSimulateCommand,
  addSourceCommand,
  addStatusCommand,
  addTailCommand,
  addVerifyCommand,
];

/** The whole command line; parsing it runs the command that is named. */
export function createProgram(context: CommandContext): Command {
  const { version, description } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  const program = new Command('hookfold').description(description).version(version);
  program.showHelpAfterError('(hookfold --help shows the commands, hookfold COMMAND --help one of them)');
  for (const add of commands) add(program, context);
  return program;
}
