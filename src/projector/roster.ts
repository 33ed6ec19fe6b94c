// The followers of this process: for every projection its live build, and of it the segments that are owned here.
import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import type { Build } from '../read-models/build.js';
import { readCheckpoints } from '../read-models/checkpoint.js';
import { ensureLiveBuild } from '../read-models/live-build.js';
import { createFollower, type Follower, refreshFollower } from './follower.js';
import { createOwnership } from './ownership.js';

export interface Roster {
  /** Brings builds, ownership and followers up to date. Call it at least every third of the lease's TTL. */
  update(): Promise<void>;
  /** Drops what followers hold and reads their checkpoints anew: another process has written. */
  reload(): Promise<void>;
  followers(): readonly Follower[];
  /** Gives everything back. */
  leave(): Promise<void>;
}

export interface RosterOptions {
  pool: pg.Pool;
  projections: readonly Projection[];
  leaseTtlMs: number;
  generationBytes: number;
}

const unitOf = (build: Build, segment: number) => `build:${build.build_id}:${segment}/${build.segments}`;

/** Processes whose projections have the same names and versions are one group. */
function groupOf(projections: readonly Projection[]): string {
  const versions = projections.map(({ name, version }) => `${name}@${version}`).sort();
  return createHash('sha256').update(versions.join()).digest('hex').slice(0, 12);
}

export function createRoster({ pool, projections, leaseTtlMs, generationBytes }: RosterOptions): Roster {
  const ownership = createOwnership({ pool, group: groupOf(projections), ttlMs: leaseTtlMs });
  let followers: Follower[] = [];

  async function update(): Promise<void> {
    const builds: [Projection, Build][] = [];
    for (const projection of projections) {
      const build = await ensureLiveBuild(pool, projection);
      if (build) builds.push([projection, build]);
    }
    const units = builds.flatMap(([, build]) => segmentsOf(build).map((segment) => unitOf(build, segment)));
    const owned = await ownership.beat(units);
    const next: Follower[] = [];
    for (const [projection, build] of builds) {
      const mine = segmentsOf(build).filter((segment) => owned.has(unitOf(build, segment)));
      if (mine.length > 0) next.push(await keepOrCreate(projection, build, mine));
    }
    followers = next;
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

  async function reload(): Promise<void> {
    for (const follower of followers) {
      const mine = new Set(follower.checkpoints.map(({ segment }) => segment));
      await refreshFollower(pool, follower);
      follower.checkpoints = (await readCheckpoints(pool, follower.build.build_id)).filter(({ segment }) =>
        mine.has(segment),
      );
    }
  }

  return { update, reload, followers: () => followers, leave: ownership.leave };
}

function segmentsOf(build: Build): number[] {
  return Array.from({ length: build.segments }, (_, segment) => segment);
}
