import { envSchema } from 'env-schema';
import { Configuration } from '../../schemas/configuration.js';
import { parseNatsUrl } from '../bus/nats-url.js';

/** A variable of the environment that cannot be used; the message names each and what was expected. */
class ConfigurationError extends Error {
  readonly code = 'CONFIGURATION';
}

interface Fault {
  instancePath?: string;
  message?: string;
}

/** Reads the environment by its schema; an empty variable counts as unset. Throws ConfigurationError. */
export function readConfiguration(environment: NodeJS.ProcessEnv): Configuration {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  assertNatsUrl(given.NATS_URL);
  try {
    return envSchema<Configuration>({ schema: { ...Configuration }, data: given, env: false });
  } catch (cause) {
    const faults = (cause as { errors?: Fault[] }).errors ?? [{ message: (cause as Error).message }];
    throw new ConfigurationError(faults.map((fault) => describe(fault, given)).join('\n'), { cause });
  }
}

// A URL that is none would be tried for ever, as if the server were away.
function assertNatsUrl(natsUrl: string | undefined): void {
  if (natsUrl === undefined) return;
  try {
    parseNatsUrl(natsUrl);
  } catch (cause) {
    throw new ConfigurationError((cause as Error).message, { cause });
  }
}

function describe({ instancePath = '', message }: Fault, given: Record<string, string | undefined>): string {
  const name = instancePath.slice(1);
  const known = Configuration.properties[name as keyof Configuration];
  if (!known) return `the environment cannot be used: ${message}`;
  // The value of a URL may hold a password.
  const found = name.endsWith('_URL') ? '' : `, but is ${JSON.stringify(given[name])}`;
  return `${name} ${message}${found} (${known.description})`;
}
