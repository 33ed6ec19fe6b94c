// The followers of this process: for every projection its live build, and of it the segments that are owned here.
import { createHash } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import type { Build } from '../read-models/build.js';
import { ensureLiveBuild } from '../read-models/live-build.js';
import type { Fault } from './faults.js';
import { createFollower, type Follower, refreshFollower } from './follower.js';
import { createLeftOut } from './left-out.js';
import { createOwnership } from './ownership.js';
import { resegment } from './resegment.js';

export interface Roster {
  /** Brings builds, ownership and followers up to date. Call it at least every third of the lease's TTL. */
  update(): Promise<void>;
  /** Drops all followers, since another process has written: the next update makes them anew. */
  reload(): void;
  followers(): readonly Follower[];
  /** Of the last update: read models that have no follower for a reason of their own. */
  faults(): readonly Fault[];
  /** Gives everything back. */
  leave(): Promise<void>;
}

export interface RosterOptions {
  pool: pg.Pool;
  projections: readonly Projection[];
  leaseTtlMs: number;
  generationBytes: number;
  logPool: pg.Pool;
  logger: FastifyBaseLogger;
  /** Split builds that can be into so many segments; undefined: leave them as they are. */
  segments?: number | undefined;
}

const unitOf = (build: Build, segment: number) => `build:${build.build_id}:${segment}/${build.segments}`;

/** Processes whose projections have the same names and versions are one group. */
function groupOf(projections: readonly Projection[]): string {
  const versions = projections.map(({ name, version }) => `${name}@${version}`).sort();
  return createHash('sha256').update(versions.join()).digest('hex').slice(0, 12);
}

/** A roster without followers until its first update. */
export function createRoster(options: RosterOptions): Roster {
  const { pool, projections, leaseTtlMs, generationBytes } = options;
  const ownership = createOwnership({ pool, group: groupOf(projections), ttlMs: leaseTtlMs });
  const split = createSplitter(options);
  const leftOut = createLeftOut(options.logger);
  let followers: Follower[] = [];
  let faults: readonly Fault[] = [];

  async function update(): Promise<void> {
    const builds: [Projection, Build][] = [];
    for (const projection of projections) {
      const build = await leftOut.try(projection.name, () => ensureLiveBuild(pool, projection));
      if (build) builds.push([projection, await split(projection, build)]);
    }
    const units = builds.flatMap(([, build]) => segmentsOf(build).map((segment) => unitOf(build, segment)));
    const owned = await ownership.beat(units);
    const next: Follower[] = [];
    for (const [projection, build] of builds) {
      const mine = segmentsOf(build).filter((segment) => owned.has(unitOf(build, segment)));
      if (mine.length === 0) continue;
      const follower = await leftOut.try(projection.name, () => keepOrCreate(projection, build, mine));
      if (follower) next.push(follower);
    }
    followers = next;
    faults = leftOut.faults();
  }

  async function keepOrCreate(projection: Projection, build: Build, mine: number[]): Promise<Follower> {
    const known = followers.find((follower) => follower.build.build_id === build.build_id);
    const kept = known?.build.segments === build.segments ? known : undefined;
    if (kept && kept.checkpoints.map(({ segment }) => segment).join() === mine.join()) return kept;
    const follower = kept ?? (await createFollower(pool, projection, build, { generationBytes }));
    if (kept) await refreshFollower(pool, kept);
    follower.checkpoints = follower.checkpoints.filter(({ segment }) => mine.includes(segment));
    return follower;
  }

  // Not even the builds are kept: they may have been swapped, or split anew.
  function reload(): void {
    followers = [];
  }

  return { update, reload, followers: () => followers, faults: () => faults, leave: ownership.leave };
}

/** A lock is waited for by all read models, so it is not asked for at every beat. */
const SPLIT_AGAIN_MS = 10_000;

// Once a build and process: where two were started with different numbers, the later one's holds. Where it cannot be
// split now, for whatever reason, it is followed as it is.
function createSplitter({ pool, logPool, logger, segments }: RosterOptions) {
  const next = new Map<number, number>();
  return async (projection: Projection, build: Build): Promise<Build> => {
    if (segments === undefined || projection.within !== 'integration') return build;
    if (performance.now() < (next.get(build.build_id) ?? 0)) return build;
    try {
      const split = await resegment({ logPool, readPool: pool }, projection, build, segments);
      next.set(build.build_id, Number.POSITIVE_INFINITY);
      return split;
    } catch (error) {
      next.set(build.build_id, performance.now() + SPLIT_AGAIN_MS);
      const told = { err: error, projection: projection.name, segments };
      logger.warn(
        told,
        'a read model cannot be split into segments now; it is followed as it is until it can',
      );
      return build;
    }
  };
}

function segmentsOf(build: Build): number[] {
  return Array.from({ length: build.segments }, (_, segment) => segment);
}
