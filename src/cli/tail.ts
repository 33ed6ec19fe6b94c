import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type pg from 'pg';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { normaliseUuid, storableText } from '../../schemas/text.js';
import { assertNext } from '../log/assert-next.js';
import { beforeGap } from '../log/missing-event.js';
import { readPositions } from '../log/read-history.js';
import { readHead, readSummariesAfter } from '../log/read-log.js';
import type { CommandContext } from './context.js';
import { oneLine } from './one-line.js';
import { listenForStop } from './stop-request.js';
import { withPool } from './with-pool.js';

interface Flags {
  after?: number;
  event?: string;
  integration?: string;
  json?: boolean;
  follow: boolean;
}

type Summary = Omit<LoggedEvent, 'body'>;

const PAGE_EVENTS = 500;
const POLL_MS = 200;

/** `hookfold tail`: prints the events of the log as they come. */
export function defineTail(command: Command, context: CommandContext): void {
  command
    .option('--after <position>', 'begin behind this position (default: the head; 0 prints all)', position)
    .option('--event <name>', 'only events of this name')
    .option('--integration <id>', 'only events of this integration', (id) => storableText(normaliseUuid(id)))
    .option('--no-follow', 'end at the head')
    .option('--json', 'print each event whole, as JSON')
    .action((flags: Flags) => withPool(context.databaseUrl(), (pool) => tail(pool, flags, context.print)));
}

async function tail(
  pool: pg.Pool,
  { after, event, integration, json, follow }: Flags,
  print: (line: string) => void,
): Promise<void> {
  let stopped = false;
  listenForStop().then(() => {
    stopped = true;
  });
  const isWanted = (each: Summary) =>
    (!event || each.event === event) && (!integration || each.integration_id === integration);
  const head = await readHead(pool);
  if (after !== undefined && after > head)
    throw new Error(`--after: the log ends at ${head}, found ${after}`);
  for (let last = after ?? head; !stopped; ) {
    const events = beforeGap(last, await readSummariesAfter(pool, last, PAGE_EVENTS));
    if (events.length === 0) await assertNext(pool, last);
    const wanted = events.filter(isWanted);
    if (json) await printWhole(pool, wanted, print);
    else for (const each of wanted) print(describe(each));
    last = events.at(-1)?.position ?? last;
    if (events.length === 0 && !follow) return;
    if (events.length === 0) await delay(POLL_MS);
  }
}

// Bodies are read in pages of some megabytes, and those alone that are printed.
async function printWhole(pool: pg.Pool, events: Summary[], print: (line: string) => void): Promise<void> {
  const positions = events.map(({ position }) => position);
  for await (const page of readPositions(pool, positions)) for (const each of page) print(toJson(each));
}

// The body goes out as the text it came as.
function toJson({ body, ...summary }: LoggedEvent): string {
  return `${JSON.stringify(summary).slice(0, -1)},"body":${oneLine(body)}}`;
}

function describe({
  position,
  received_at,
  source,
  event,
  integration_id,
  resource_type,
  resource_id,
}: Summary) {
  const about = [integration_id, resource_type, resource_id].filter((part) => part !== null).join(' ');
  return `${position}  ${received_at}  ${source}  ${event}  ${about}`;
}

function position(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a position: a whole number from 0 on.');
}
