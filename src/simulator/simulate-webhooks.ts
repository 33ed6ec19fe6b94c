// Plays the sender: the webhooks of many integrations, as one stream of texts. Pure: its options decide every byte.
import { tested } from './events.js';
import { live } from './life.js';
import { createRandom, type Random } from './random.js';

export interface SimulatorOptions {
  /** Decides everything; default 1. */
  seed?: number;
  /** Integrations that live at once; default 20. */
  integrations?: number;
  /** Resources of a first import, on average; default 200. */
  resources?: number;
  /** Characters of a webhook on average, over some hundreds of them; 770 (the default) or more. */
  bodyBytes?: number;
}

const WORKSPACES = 3;
const WORKERS = 4;
/** The least average: rows of resources alone are of this size. */
const BARE_BYTES = 770;
/** The next row of a resource makes good for so large a part of what the webhooks until then are short of. */
const REPAID_SHARE = 1 / 16;
const EPOCH_SECONDS = 1_700_000_000;
const RUN = 50;

/**
 * The texts of webhooks, in the order in which they reach the door: bursts of one integration after another, in
 * which parallel workers swap neighbours. Endless; the same options give the same texts.
 */
export function* simulateWebhooks(options: SimulatorOptions = {}): Generator<string, never> {
  const { seed = 1, integrations = 20, resources = 200, bodyBytes = BARE_BYTES } = options;
  const random = createRandom(seed);
  const workspaces = Array.from({ length: WORKSPACES }, () => random.uuid());
  const size = createSizeKeeper(bodyBytes);
  let seconds = EPOCH_SECONDS;
  const lives = Array.from({ length: integrations }, (_, index) =>
    live(random, {
      workspaceId: workspaces[index % WORKSPACES]!,
      resources,
      padding: size.padding,
      now: () => seconds,
    }),
  );
  for (const workspaceId of workspaces) yield tested(workspaceId);
  for (;;) {
    seconds += 1;
    const life = random.pick(lives);
    yield* swapNeighbours(random, size.counted(life), 1 + random.below(2 * RUN));
    if (random.chance(0.001)) yield tested(random.pick(workspaces));
  }
}

// Each worker has one webhook in hand; which of them is faster is chance.
function* swapNeighbours(random: Random, life: Generator<string>, count: number): Generator<string> {
  const inHand: string[] = [];
  for (let taken = 0; taken < count; taken++) {
    inHand.push(life.next().value);
    if (inHand.length < WORKERS) continue;
    yield inHand.splice(random.chance(0.8) ? 0 : random.below(WORKERS), 1)[0]!;
  }
  yield* inHand;
}

// Only rows of resources can be padded, and their share is now a half, in an import, now nearly all: what the other
// webhooks are short of is owed, and repaid over the next rows.
function createSizeKeeper(bodyBytes: number) {
  let owed = 0;
  return {
    padding: () => Math.max(0, Math.round(bodyBytes - BARE_BYTES + owed * REPAID_SHARE)),
    *counted(life: Generator<string, never>): Generator<string, never> {
      for (;;) {
        const text = life.next().value;
        owed += bodyBytes - text.length;
        yield text;
      }
    },
  };
}
