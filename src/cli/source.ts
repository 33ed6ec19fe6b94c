import { type Command, Option } from 'commander';
import {
  addSource,
  listSources,
  revokeSource,
  rotateSource,
  type SourceCredentials,
  type SourceListing,
} from '../log/source-change.js';
import type { CommandContext } from './context.js';
import { describeBounds } from './source-bounds.js';
import {
  type AddOptions,
  gather,
  readSecret,
  seconds,
  toSourceOptions,
  wholeNumber,
} from './source-rules.js';
import { addSet } from './source-set.js';
import { urlOf } from './start/ports.js';
import { withPool } from './with-pool.js';

interface OutputOptions {
  json?: boolean;
  baseUrl?: string;
}

/** `hookfold source add|set|rotate|revoke|list`: who may send. */
export function defineSource(source: Command, context: CommandContext): void {
  addAdd(source, context);
  addSet(source, context);
  addRotate(source, context);
  source
    .command('revoke <name>')
    .description('End a source: running doors turn its requests away within 5 seconds.')
    .option('--json', 'print {"source", "revoked"}')
    .action(async (name: string, { json }: OutputOptions) => {
      await withPool(context.databaseUrl(), (pool) => revokeSource(pool, name));
      if (json) context.print(JSON.stringify({ source: name, revoked: true }));
      else context.print(`${name} is revoked: running doors turn its requests away within 5 seconds`);
    });
  source
    .command('list')
    .description('Show the sources, and when each was last used.')
    .option('--json', 'as JSON')
    .action(async ({ json }: OutputOptions) => {
      const sources = await withPool(context.databaseUrl(), listSources);
      if (json) context.print(JSON.stringify(sources));
      else if (sources.length === 0) context.print('no source yet: hookfold source add NAME makes one');
      else for (const one of sources) context.print(describe(one));
    });
}

function addAdd(source: Command, context: CommandContext): void {
  source
    .command('add <name>')
    .description('Make a source with a token of 256 bits, which is shown once.')
    .option('--workspace <id>', 'only events of this workspace (repeat for more)', gather)
    .option('--no-token', 'ask for no token (a header secret or a signature is asked for)')
    .option('--header <name>', 'ask for a secret in this header')
    .option('--hmac <header>', "ask for an HMAC-SHA256 of the body in this header; github for GitHub's form")
    .addOption(new Option('--hmac-encoding <encoding>').choices(['hex', 'base64']).default('hex'))
    .option('--hmac-prefix <text>', 'what stands before the signature in the header', '')
    .option('--standard-webhooks', 'ask for a Standard Webhooks signature (v1; v1a for a whpk_ key)')
    .option(
      '--secret-file <file>',
      'take the secret from a file (- for standard input) instead of making one',
    )
    .option('--cidr <range>', 'only from these addresses (repeat for more)', gather)
    .option('--proxy-depth <count>', 'proxies of yours before the door (X-Forwarded-For)', wholeNumber(0), 0)
    .option('--max-rate <events>', 'events a second that a process takes of it', wholeNumber(1))
    .option('--max-bytes <bytes>', 'bytes in flight that a process takes of it', wholeNumber(1))
    .option('--unverified', 'ask for nothing: whoever knows the address may send')
    .option('--base-url <url>', 'where senders reach the door (default: HOST and INGEST_PORT)')
    .option('--json', 'print {"source", "token", "url"}')
    .action(async (name: string, options: AddOptions & OutputOptions) => {
      const made = await withPool(context.databaseUrl(), (pool) =>
        addSource(pool, name, toSourceOptions(options)),
      );
      show(context, made, options);
      if (options.unverified)
        process.stderr.write(`UNVERIFIED: whoever knows the address may send as ${name}\n`);
    });
}

function addRotate(source: Command, context: CommandContext): void {
  source
    .command('rotate <name>')
    .description('Give a source a new token and secret; the old ones hold for a while more.')
    .option('--overlap <time>', 'how long the old ones hold: 0s, 10m, 24h, 7d', seconds, 86_400)
    .option('--secret-file <file>', 'take the new secret from a file (- for standard input)')
    .option('--base-url <url>', 'where senders reach the door (default: HOST and INGEST_PORT)')
    .option('--json', 'print {"source", "token", "url"}')
    .action(async (name: string, options: { overlap: number; secretFile?: string } & OutputOptions) => {
      const secret = options.secretFile === undefined ? {} : { secret: readSecret(options.secretFile) };
      const made = await withPool(context.databaseUrl(), (pool) =>
        rotateSource(pool, name, { overlapSeconds: options.overlap, ...secret }),
      );
      show(context, made, options);
    });
}

function show(context: CommandContext, made: SourceCredentials, { json, baseUrl }: OutputOptions): void {
  const base = baseUrl ?? context.running()?.ingestUrl ?? urlOf(context, context.configuration.INGEST_PORT);
  const path = [made.source, ...(made.token === null ? [] : [made.token])].join('/');
  const url = `${base.replace(/\/+$/, '')}/webhooks/${path}`;
  const { source, token, secret } = made;
  if (json) {
    context.print(JSON.stringify({ source, token, url, ...(secret === null ? {} : { secret }) }));
    return;
  }
  context.print(`source  ${source}`);
  context.print(`URL     ${url}`);
  if (secret !== null) context.print(`secret  ${secret}`);
  context.print(
    token === null && secret === null
      ? 'Nothing secret is asked of its senders that was made here.'
      : 'Keep this now: it is not shown again. (hookfold source rotate makes a new one.)',
  );
}

function describe(source: SourceListing): string {
  const state = source.revoked_at
    ? `revoked ${source.revoked_at}`
    : `last used ${source.last_used_at ?? 'never'}`;
  const proofs = Object.keys(source.rules).join('+').replace('unverified', 'UNVERIFIED');
  return [source.name.padEnd(20), proofs.padEnd(12), state, describeBounds(source)].join('  ');
}
