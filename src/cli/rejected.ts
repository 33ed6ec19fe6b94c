import { type Command, InvalidArgumentError } from 'commander';
import { REJECTIONS, type RejectedReason } from '../../schemas/http-ingest.js';
import { type Release, releaseRejected } from '../ingest/release.js';
import { dropRejected, listRejected, type Rejected, readRejected, walkRejected } from '../log/rejected.js';
import type { CommandContext } from './context.js';
import { wholeNumber } from './source-rules.js';
import { withPool } from './with-pool.js';

interface ListOptions {
  source?: string;
  reason?: RejectedReason;
  released?: boolean;
  before?: number;
  limit: number;
  json?: boolean;
}

/** `hookfold rejected list|show|release|drop`: what the door turned down and kept. */
export function defineRejected(rejected: Command, context: CommandContext): void {
  addList(rejected, context);
  addShow(rejected, context);
  addRelease(rejected, context);
  rejected
    .command('drop <id...>')
    .description('Remove them for good.')
    .action(async (ids: string[]) => {
      const dropped = await withPool(context.databaseUrl(), (pool) => dropRejected(pool, ids.map(toId)));
      context.print(`dropped ${dropped.length} of ${ids.length}`);
      if (dropped.length < ids.length) process.exitCode = 1;
    });
}

function addList(rejected: Command, context: CommandContext): void {
  rejected
    .command('list')
    .description('List them, newest first.')
    .option('--source <name>', 'of this source')
    .option('--reason <reason>', 'for this reason', toReason)
    .option('--released', 'also those that were released')
    .option('--before <id>', 'only those below this id: the next page', wholeNumber(1))
    .option('--limit <count>', 'at most so many', wholeNumber(1), 100)
    .option('--json', 'as JSON, one a line')
    .action(async ({ json, ...filter }: ListOptions) => {
      const found = await withPool(context.databaseUrl(), (pool) => listRejected(pool, filter));
      for (const one of found) context.print(json ? JSON.stringify(one) : describe(one));
      if (found.length === 0 && !json) context.print('no such request is kept');
    });
}

function addShow(rejected: Command, context: CommandContext): void {
  rejected
    .command('show <id>')
    .description('Show one, and the bytes that were kept.')
    .option('--raw', 'the bytes alone, as they came')
    .option('--json', 'as JSON; the bytes in base64 as body_base64')
    .action(async (id: string, { raw, json }: { raw?: boolean; json?: boolean }) => {
      const found = await withPool(context.databaseUrl(), (pool) => readRejected(pool, toId(id)));
      if (!found) throw new Error(`there is no rejected request ${id}. hookfold rejected list shows all.`);
      const { body, ...rest } = found;
      if (raw) process.stdout.write(body);
      else if (json) context.print(JSON.stringify({ ...rest, body_base64: body.toString('base64') }));
      else
        context.print(
          `${describe(found)}\n${rest.detail}\n${JSON.stringify(rest.headers)}\n\n${printable(body)}`,
        );
    });
}

function addRelease(rejected: Command, context: CommandContext): void {
  rejected
    .command('release [id...]')
    .description('Send them through the door again, each once, and say what became of each.')
    .option('--all', 'all that are kept, oldest first')
    .option('--source <name>', 'with --all: of this source')
    .option('--reason <reason>', 'with --all: for this reason', toReason)
    .option('--json', 'as JSON, one a line')
    .action(async (ids: string[], options: { all?: boolean; json?: boolean } & ListOptions) => {
      if ((ids.length === 0) === !options.all) throw new Error('name the ids to release, or --all');
      if (!options.all && (options.source ?? options.reason) !== undefined)
        throw new Error('--source and --reason go with --all; name the ids alone');
      const chosen = ids.map(toId);
      const count = await withPool(context.databaseUrl(), async (pool) => {
        let done = 0;
        for await (const id of options.all ? walkRejected(pool, options) : chosen) {
          const release = await releaseRejected(pool, id);
          context.print(options.json ? JSON.stringify(release) : describeRelease(release));
          if (!('position' in release)) process.exitCode = 1;
          done += 1;
        }
        return done;
      });
      if (count === 0 && !options.json) context.print('no such request is kept');
    });
}

function toId(text: string): number {
  return wholeNumber(1)(text);
}

// In the spelling of the table, or in that of an answer's `code`.
function toReason(text: string): RejectedReason {
  const reason = text.replaceAll('-', '_');
  if (Object.hasOwn(REJECTIONS, reason)) return reason as RejectedReason;
  throw new InvalidArgumentError(`there is no such reason; there are ${Object.keys(REJECTIONS).join(', ')}.`);
}

function describe(one: Rejected): string {
  const released = one.released_position === null ? '' : `  released as ${one.released_position}`;
  return `${one.id}  ${one.rejected_at}  ${one.source}  ${one.reason}  ${one.body_length} bytes${released}`;
}

function describeRelease(release: Release): string {
  if ('position' in release)
    return `${release.id}  ${release.outcome.replaceAll('_', ' ')}: position ${release.position}`;
  return `${release.id}  ${release.outcome}: ${release.detail}`;
}

// What came may hold what a terminal would obey.
function printable(body: Buffer): string {
  return body
    .toString()
    .replace(/[\p{Cc}\p{Cf}]/gu, (character) =>
      character === '\n' || character === '\t'
        ? character
        : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
}
