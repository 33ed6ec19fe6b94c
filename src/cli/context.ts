// What every command is given: the configuration, and where the servers are.
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Configuration } from '../../schemas/configuration.js';
import { type RunFile, readRunFile } from '../embedded/run-file.js';
import { createLogger } from '../logging.js';

export interface CommandContext {
  configuration: Configuration;
  /** The folder of the embedded servers, absolute. */
  home: string;
  /** The log's Postgres: DATABASE_URL, else that of a running `hookfold start`. Throws where there is neither. */
  databaseUrl(): string;
  /**
   * The read models' Postgres: READ_DATABASE_URL, else as a running `hookfold start` has it (unless DATABASE_URL points
   * elsewhere), else the log's.
   */
  readDatabaseUrl(): string;
  /** NATS_URL, else that of a running `hookfold start` (unless DATABASE_URL points elsewhere); undefined: no bus. */
  natsUrl(): string | undefined;
  /** What a `hookfold start` in this home says of itself, while it runs. */
  running(): RunFile | undefined;
  /** Logs to stderr as the role; made once a name. */
  logger(role: string): Logger;
  /** Writes a line to stdout. */
  print(line: string): void;
}

/** Reads nothing and opens nothing until asked. */
export function createContext(configuration: Configuration): CommandContext {
  const home = resolve(configuration.HOOKFOLD_DATA);
  const running = () => readRunFile(home);
  const databaseUrl = () => {
    const url = configuration.DATABASE_URL ?? running()?.databaseUrl;
    if (url) return url;
    throw new Error(
      `DATABASE_URL is not set, and no hookfold runs in ${home}. ` +
        'Start one beside this (npm start), or set DATABASE_URL to a Postgres of your own.',
    );
  };
  const beside = () => (configuration.DATABASE_URL ? undefined : running());
  return {
    configuration,
    home,
    databaseUrl,
    readDatabaseUrl: () => configuration.READ_DATABASE_URL ?? beside()?.readDatabaseUrl ?? databaseUrl(),
    natsUrl: () => configuration.NATS_URL ?? beside()?.natsUrl,
    running,
    logger: (role) => createLogger(configuration.LOG_LEVEL, role),
    print: (line) => void process.stdout.write(`${line}\n`),
  };
}
