// The runs that were sent and not answered yet. A few fly at once, so that the server stores one while the next is
// read and written.
//
// Each message names the one before it, within its run and across runs, so once one is refused or lost every later
// one is refused too: nothing can be stored behind a gap. So what a flight has to see to is only what is said of it.
// - A run has landed when it is acknowledged and all runs before it have landed. Progress is told then, in order,
//   and never of a run behind a failed one.
// - The first failure, in the order of sending, ends the flight: it is the cause, those behind it are its echoes. No
//   run is sent after it.
// - Whoever reads the stream's end again waits until every run is answered or timed out (`settled`), so that it reads
//   the end that they left. What a lost connection delivers even later is refused by its guards, or is the copy that
//   was to be sent.

/** Runs in flight at the most. With `limits.events` well below the 10,000 messages that newer servers let wait for a stream. */
const MOST_RUNS = 3;
/** Runs wait with more than so many bytes of bodies in flight; one run always flies. */
const MOST_BYTES = 4 * 1024 * 1024;

/** A run on its way. */
export interface SentRun {
  /** Of its last event. */
  position: number;
  events: number;
  /** Of its bodies. */
  bytes: number;
  /** Resolves when the stream has acknowledged it. */
  stored: Promise<void>;
}

export interface Flight {
  /** Resolves when a run of so many bytes may be sent. Throws the first failure. */
  room(bytes: number): Promise<void>;
  add(run: SentRun): void;
  /** Resolves when all runs have landed. Throws the first failure. */
  landed(): Promise<void>;
  /** Resolves when all runs are answered or have timed out. Never throws. */
  settled(): Promise<void>;
}

/** A flight without runs. `onLanded` is told of each run that landed, in order. */
export function createFlight(onLanded: (position: number, events: number) => void): Flight {
  const flying: { bytes: number; landed: Promise<void>; stored: Promise<void> }[] = [];
  let last = Promise.resolve();
  let failed = false;
  let bytes = 0;

  async function land(before: Promise<void>, run: SentRun): Promise<void> {
    try {
      await before;
      await run.stored;
    } catch (error) {
      failed = true;
      throw error;
    }
    flying.shift();
    bytes -= run.bytes;
    onLanded(run.position, run.events);
  }

  function add(run: SentRun): void {
    last = land(last, run);
    flying.push({ bytes: run.bytes, landed: last, stored: run.stored });
    bytes += run.bytes;
    // Whoever waits is told; until then nobody may be waiting.
    last.catch(() => {});
    run.stored.catch(() => {});
  }

  const isFull = (more: number) =>
    flying.length >= MOST_RUNS || (flying.length > 0 && bytes + more > MOST_BYTES);

  return {
    add,
    async room(more) {
      while (failed || isFull(more)) await flying[0]!.landed;
    },
    landed: () => last,
    async settled() {
      await Promise.allSettled(flying.map(({ stored }) => stored));
    },
  };
}
