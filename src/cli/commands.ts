// The commands, one file each. A file is read when its command is named: the machine behind one command is of no
// use to another, and most of the time that a short one takes would go into loading it.
import type { Command } from 'commander';
import type { CommandContext } from './context.js';

/** Gives a command its options and what it does. */
export type Define = (command: Command, context: CommandContext) => void;

export interface ListedCommand {
  usage: string;
  description: string;
  load(): Promise<Define>;
}

/** In the order of the help. */
export const COMMANDS: readonly ListedCommand[] = [
  {
    usage: 'start',
    description: 'Start everything on this machine: Postgres, NATS, ingest, relay, projector, query.',
    load: async () => (await import('./start.js')).defineStart,
  },
  {
    usage: 'import <file>',
    description: 'Append a capture to the log: one webhook a line, in order (- reads standard input).',
    load: async () => (await import('./import.js')).defineImport,
  },
  {
    usage: 'diff <name>',
    description: 'Show the rows of a read model that differ between two positions, folded anew from the log.',
    load: async () => (await import('./diff.js')).defineDiff,
  },
  {
    usage: 'ingest',
    description: 'Take webhooks in over HTTP, append them to the log, and mirror the log to NATS.',
    load: async () => (await import('./ingest.js')).defineIngest,
  },
  {
    usage: 'key',
    description: 'API keys of the query side: add, list, revoke.',
    load: async () => (await import('./key.js')).defineKey,
  },
  {
    usage: 'migrate',
    description: 'Bring the log (DATABASE_URL) and the read models (READ_DATABASE_URL) up to date.',
    load: async () => (await import('./migrate.js')).defineMigrate,
  },
  {
    usage: 'parked',
    description: 'Events that a projection could not fold, and the later ones of their rows.',
    load: async () => (await import('./parked.js')).defineParked,
  },
  {
    usage: 'projector',
    description: 'Fold the log into the read models. Any number of these share the work.',
    load: async () => (await import('./projector.js')).defineProjector,
  },
  {
    usage: 'query',
    description: 'Answer over HTTP: read models, the log, time travel. Any number of these.',
    load: async () => (await import('./query.js')).defineQuery,
  },
  {
    usage: 'rebuild [names...]',
    description:
      'Rebuild read models from the log beside the served ones, compare them row by row, and swap them in. ' +
      'Interrupted, it goes on where it was.',
    load: async () => (await import('./rebuild.js')).defineRebuild,
  },
  {
    usage: 'rejected',
    description: 'See to requests that were no event and were kept.',
    load: async () => (await import('./rejected.js')).defineRejected,
  },
  {
    usage: 'simulate',
    description: 'Play munity against a running ingest: syncs, swapped neighbours, repeats, failing tokens.',
    load: async () => (await import('./simulate.js')).defineSimulate,
  },
  {
    usage: 'source',
    description: 'Say who may send webhooks.',
    load: async () => (await import('./source.js')).defineSource,
  },
  {
    usage: 'status',
    description: 'Show the log, the bus, the read models behind it, sources and rejected requests.',
    load: async () => (await import('./status.js')).defineStatus,
  },
  {
    usage: 'tail',
    description: 'Print the events of the log as they come, a line each. Nothing is passed over.',
    load: async () => (await import('./tail.js')).defineTail,
  },
  {
    usage: 'verify',
    description:
      'Check that what is kept, copied and served is what happened. Stops nothing, changes nothing.',
    load: async () => (await import('./verify.js')).defineVerify,
  },
];
