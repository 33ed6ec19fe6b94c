import type { Command } from 'commander';
import { createPool } from '../postgres/connect.js';
import { readStatus, type Status } from '../query/status.js';
import { type BusState, readBusState } from '../relay/bus-state.js';
import type { CommandContext } from './context.js';
import { formatTable } from './table.js';

type WholeStatus = Status & { bus: BusState };

/** `hookfold status`: how far everything is. */
export function defineStatus(command: Command, context: CommandContext): void {
  command.option('--json', 'print it as JSON').action(async ({ json }: { json?: boolean }) => {
    const status = await askAll(context);
    if (json) context.print(JSON.stringify(status));
    else for (const line of describeStatus(status)) context.print(line);
  });
}

async function askAll(context: CommandContext): Promise<WholeStatus> {
  const log = createPool(context.databaseUrl());
  const read = createPool(context.readDatabaseUrl());
  try {
    // The bus first: it has nothing that the log does not have by then.
    const bus = await readBusState(log, context.natsUrl());
    const { head, ...rest } = await readStatus({ log, read });
    return { head, bus, ...rest };
  } finally {
    await Promise.all([log.end(), read.end()]);
  }
}

function describeStatus(status: WholeStatus): string[] {
  const { head, bus, projections, sources, rejected } = status;
  return [
    `log         ${head} events`,
    `bus         ${describeBus(bus, head)}`,
    `sources     ${sources.map(({ name, verified }) => (verified ? name : `${name} (UNVERIFIED)`)).join(', ') || 'none'}`,
    `rejected    ${
      Object.entries(rejected)
        .map(([reason, count]) => `${count} ${reason}`)
        .join(', ') || 'none'
    }`,
    '',
    ...(projections.length === 0
      ? ['no read model is built yet: run a projector']
      : describeProjections(projections)),
  ];
}

function describeBus({ stream, sequence, reason }: BusState, head: number): string {
  if (sequence === null) return reason!;
  return `${stream} at ${sequence}${reason ? `: ${reason}` : `, ${head - sequence} behind`}`;
}

function describeProjections(projections: Status['projections']): string[] {
  const heading = ['read model', 'version', 'position', 'lag', 'segments', 'parked', 'unreadable', 'rebuild'];
  const rows = projections.map((projection) => [
    projection.name,
    `${projection.version}${projection.pinned ? ' (pinned)' : ''}`,
    String(projection.position),
    projection.lag_events === 0 ? '0' : `${projection.lag_events} (${projection.lag_seconds} s)`,
    ...[projection.segments.length, projection.parked, projection.unreadable].map(String),
    describeRebuild(projection.rebuild),
  ]);
  return [
    ...formatTable(heading, rows),
    ...projections.flatMap(({ fault }) => fault ?? []),
    ...projections.flatMap(describeFailure),
  ];
}

const describeFailure = ({ name, rebuild }: Status['projections'][number]) =>
  rebuild?.failure ? [`version ${rebuild.version} of ${name} is not served: ${rebuild.failure}`] : [];

function describeRebuild(rebuild: Status['projections'][number]['rebuild']): string {
  if (!rebuild) return '';
  const { version, position, events_left, running, events_per_second, eta_seconds } = rebuild;
  if (!running) return `v${version}: left behind at ${position}`;
  const pace = eta_seconds === null ? '' : `, ${events_per_second}/s, ETA ${eta_seconds} s`;
  return `v${version}: ${events_left} events left${pace}`;
}
