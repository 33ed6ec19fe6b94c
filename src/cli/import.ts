import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import type { CommandContext } from './context.js';
import type { Imported } from './import/commit-batch.js';
import { type ImportOptions, importFile } from './import/import-file.js';
import { withPool } from './with-pool.js';

/** `hookfold import FILE.ndjson`: appends a capture. */
export function defineImport(command: Command, context: CommandContext): void {
  command
    .option('--source <name>', 'the source that the events are of', 'import')
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      `
A line is a webhook's body, or {"received_at", "body"} to keep the times of an archive.
Run again after an interruption it goes on where it was; lines that were imported are not imported twice, also where
the file has grown since. Lines that are no event are kept (hookfold rejected list); it then ends with 1. So it does
where the last line has no end and is no whole JSON: that one is left, for the run after the file is complete.`,
    )
    .action(async (file: string, { source, json }: { source: string; json?: boolean }) => {
      const imported = await withFile(file, (path) => run(context, path, source, json === true));
      if (json) context.print(JSON.stringify(toJson(imported)));
      else for (const line of describe(imported)) context.print(line);
      if (imported.badCount > 0 || imported.unfinished) process.exitCode = 1;
    });
}

async function run(context: CommandContext, path: string, source: string, quiet: boolean): Promise<Imported> {
  const progress = quiet ? undefined : createProgress();
  const bodyBytes = context.configuration.MAX_BODY_BYTES;
  const shown = progress ? { onProgress: progress.show } : {};
  try {
    return await withPool(context.databaseUrl(), (pool) =>
      importFile(pool, path, { source, bodyBytes, ...shown }),
    );
  } finally {
    progress?.end();
  }
}

// Standard input cannot be read twice, which finding where to go on takes.
async function withFile<Answer>(file: string, work: (path: string) => Promise<Answer>): Promise<Answer> {
  if (file !== '-') return work(file);
  const folder = mkdtempSync(join(tmpdir(), 'hookfold-import-'));
  try {
    const path = join(folder, 'lines.ndjson');
    await pipeline(process.stdin, createWriteStream(path, { mode: 0o600 }));
    return await work(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function createProgress(): { show: ImportOptions['onProgress'] & {}; end(): void } {
  if (process.stderr.isTTY) {
    const bar = new SingleBar({
      format: '{bar} {percentage}% | {events} events | {eta_formatted} left',
      hideCursor: true,
    });
    let isStarted = false;
    return {
      show: (bytes, total, { appended }) => {
        if (!isStarted) bar.start(total, bytes, { events: appended });
        isStarted = true;
        bar.update(bytes, { events: appended });
      },
      end: () => bar.stop(),
    };
  }
  let shownAt = performance.now();
  return {
    show: (bytes, total, { appended }) => {
      if (performance.now() - shownAt < 2000) return;
      shownAt = performance.now();
      const done = Math.floor((100 * bytes) / Math.max(total, 1));
      process.stderr.write(`${done} %: ${appended} events appended\n`);
    },
    end: () => {},
  };
}

function toJson({ skipped, appended, badCount, bad, unfinished, lastPosition }: Imported) {
  return {
    appended,
    skipped,
    bad: badCount,
    bad_lines: bad,
    unfinished_line: unfinished ?? null,
    last_position: lastPosition,
  };
}

function describe({ skipped, appended, badCount, bad, unfinished, lastPosition }: Imported): string[] {
  const lines = [
    `${appended} events appended${appended > 0 ? `, the last at position ${lastPosition}` : ''}`,
  ];
  if (skipped > 0) lines.push(`${skipped} lines were imported before`);
  for (const { detail } of bad) lines.push(`not imported, ${detail}`);
  if (badCount > bad.length) lines.push(`… and ${badCount - bad.length} more`);
  if (badCount > 0) lines.push('They are kept: hookfold rejected list');
  if (unfinished)
    lines.push(
      `line ${unfinished}, the last, has no end yet and was left: import the file again once it is complete`,
    );
  return lines;
}
