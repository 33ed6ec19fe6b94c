// Progress of a rebuild: a bar on a terminal, a line every few seconds elsewhere; always on stderr.
import { SingleBar } from 'cli-progress';
import { ANEW_REASONS, type Leftover } from '../projector/rebuild/prepare.js';
import type { RebuildProgressReport } from '../projector/rebuild/rebuild.js';
import type { Throttle } from '../projector/rebuild/throttle.js';

export interface RebuildProgressDisplay {
  phase(name: string): void;
  leftover(leftover: Leftover): void;
  report(progress: RebuildProgressReport): void;
  end(): void;
}

const LINE_EVERY_MS = 2000;
const FORMAT =
  'rebuild {bar} {value}/{total} events · {rate}/s · {left} left, {eta_formatted} · live lag {lag}';

/** Shows a rebuild's progress; nothing where `quiet`. */
export function createRebuildProgress(
  quiet: boolean,
  throttle: Pick<Throttle, 'liveLag'>,
): RebuildProgressDisplay {
  const bar =
    process.stderr.isTTY && !quiet ? new SingleBar({ format: FORMAT, stream: process.stderr }) : undefined;
  let lastLine = 0;

  function report({ position, head, rate = 0 }: RebuildProgressReport): void {
    const now = performance.now();
    const left = head - position;
    if (bar) {
      if (!bar.isActive) bar.start(head, position);
      bar.setTotal(head);
      bar.update(position, { rate, left, lag: throttle.liveLag() });
    } else if (!quiet && now - lastLine > LINE_EVERY_MS) {
      lastLine = now;
      const eta = rate > 0 ? `${Math.ceil(left / rate)} s` : 'unknown';
      line(`${position}/${head} events, ${rate}/s, ${left} left, ETA ${eta}, live lag ${throttle.liveLag()}`);
    }
  }

  const line = (text: string) => void process.stderr.write(`rebuild: ${text}\n`);
  const end = () => void bar?.stop();
  function phase(name: string): void {
    if (name !== 'load') end();
    if (!quiet) line(PHASES[name] ?? name);
  }
  function leftover({ projection, position, anew, segments }: Leftover): void {
    if (quiet) return;
    const split = segments ? ` (segments: ${segments}; more workers are of no use to it)` : '';
    if (anew)
      line(`${projection} begins anew: what was built up to position ${position} ${ANEW_REASONS[anew]}`);
    else line(`${projection} goes on from position ${position}${split}; rebuild --discard begins anew`);
  }
  return { phase, leftover, report, end };
}

const PHASES: Record<string, string> = {
  wait: 'another process was at it; waiting, ten seconds at the most, whether it goes on',
  load: 'reading the log beside the served tables',
  index: 'making indexes',
  finish: 'comparing with the served rows',
};
