// The options of `hookfold source add`, as rules of a source.
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { createAllowList } from '../ingest/client-address.js';
import type { HmacRule, SourceRules } from '../log/source.js';
import { GITHUB_HMAC, type SourceOptions } from '../log/source-change.js';

/** What commander read. */
export interface AddOptions {
  workspace?: string[];
  token: boolean;
  header?: string;
  hmac?: string;
  hmacEncoding: 'hex' | 'base64';
  hmacPrefix: string;
  standardWebhooks?: boolean;
  unverified?: boolean;
  secretFile?: string;
  cidr?: string[];
  proxyDepth: number;
  maxRate?: number;
  maxBytes?: number;
}

/** The source that the options ask for; throws what does not go together. */
export function toSourceOptions(options: AddOptions): SourceOptions {
  const rules = toRules(options);
  createAllowList(options.cidr ?? []); // Throws on what is no range.
  return {
    rules,
    workspaces: options.workspace ?? null,
    cidrs: options.cidr ?? null,
    proxyDepth: options.proxyDepth,
    ...(options.maxRate === undefined ? {} : { maxRate: options.maxRate }),
    ...(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes }),
    ...(options.secretFile === undefined ? {} : { secret: readSecret(options.secretFile) }),
  };
}

function toRules(options: AddOptions): SourceRules {
  const rules: SourceRules = {};
  if (options.header) rules.header = options.header.toLowerCase();
  if (options.hmac) rules.hmac = toHmacRule(options, options.hmac);
  if (options.standardWebhooks) rules.standard_webhooks = true;
  const proofs = Object.keys(rules).length;
  if (proofs > 1)
    throw new Error('a source has one of --header, --hmac and --standard-webhooks; make two sources');
  if (options.unverified && proofs > 0) throw new Error('--unverified goes with no other proof');
  if (options.unverified) return { unverified: true };
  if (options.token) rules.token = true;
  else if (proofs === 0)
    throw new Error(
      'a source without a token needs --header, --hmac or --standard-webhooks (or --unverified)',
    );
  return rules;
}

function toHmacRule({ hmacEncoding: encoding, hmacPrefix: prefix }: AddOptions, header: string): HmacRule {
  return header === 'github' ? GITHUB_HMAC : { header: header.toLowerCase(), encoding, prefix };
}

/** The secret in a file, or on standard input (`-`), without the line's end. */
export function readSecret(file: string): string {
  return readFileSync(file === '-' ? 0 : file, 'utf8').replace(/\r?\n$/, '');
}

/** Reads a whole number of at least `minimum`. */
export function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`expected a whole number from ${minimum} on.`);
  };
}

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Reads a time such as 90s, 10m, 24h or 7d, in seconds. */
export function seconds(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('expected a time such as 90s, 10m, 24h or 7d.');
  return Number(count) * UNITS[unit as keyof typeof UNITS];
}

/**
 * Gathers an option that may be given several times, or with several values at once. An empty one is refused: none at
 * all means any, which is not what somebody asks for whose variable is not set.
 */
export function gather(value: string, before: string[] = []): string[] {
  const parts = value.split(',').map((part) => part.trim());
  if (parts.includes('')) throw new InvalidArgumentError('it is empty; is a variable not set?');
  return [...before, ...parts];
}
