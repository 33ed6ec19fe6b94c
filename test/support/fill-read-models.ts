import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { foldEvents } from '../../projections/fold.js';
import { PROJECTIONS } from '../../projections/index.js';
import { readAfter, readHead } from '../../src/log/read-log.js';
import { executeAll } from '../../src/postgres/pipeline.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { tableOf } from '../../src/read-models/build.js';
import { claimCheckpoints, readCheckpoints } from '../../src/read-models/checkpoint.js';
import { ensureLiveBuild } from '../../src/read-models/live-build.js';
import { createRowTable } from '../../src/read-models/rows.js';

/** Makes the read models what the log says up to `head` (default: all of it), without a projector. */
export async function fillReadModels(
  { log, read = log }: { log: pg.Pool; read?: pg.Pool },
  { projections = PROJECTIONS, head }: { projections?: readonly Projection[]; head?: number } = {},
): Promise<number> {
  const position = head ?? (await readHead(log));
  const events = await readAfter(log, 0, position);
  for (const projection of projections) await fill(read, projection, events, position);
  return position;
}

async function fill(
  read: pg.Pool,
  projection: Projection,
  events: Awaited<ReturnType<typeof readAfter>>,
  position: number,
): Promise<void> {
  const build = (await ensureLiveBuild(read, projection))!;
  const table = createRowTable(projection, tableOf(build));
  const rows = [...foldEvents(projection, events).rows.values()];
  await inTransaction(read, async (client) => {
    const event_id = events.at(-1)?.event_id ?? null;
    await claimCheckpoints(client, await readCheckpoints(client, build.build_id), { position, event_id });
    for (let at = 0; at < rows.length; at += 1000)
      await executeAll(client, [table.upsert(rows.slice(at, at + 1000))]);
  });
}
