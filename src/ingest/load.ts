// What one source, and all together, have in flight: bytes of requests that are read or wait for their commit, and
// events a second. Beyond a limit the door answers 503, so memory stays bounded whatever is sent.

/** Bytes that a request costs beside its body: its objects, its socket's buffers. */
export const REQUEST_OVERHEAD = 2048;

/** Body bytes in flight, against a limit. */
export interface ByteBudget {
  /**
   * Takes bytes if there is room, or if nobody else has any: one request alone may be as large as it is. `held` is what it
   * has already. Answers whether.
   */
  take(bytes: number, held?: number): boolean;
  give(bytes: number): void;
  used(): number;
}

/** A budget of `limit` bytes, within that of `parent`. */
export function createByteBudget(limit: number, parent?: ByteBudget): ByteBudget {
  let used = 0;
  return {
    take(bytes, held = 0) {
      if (used > held && used + bytes > limit) return false;
      if (parent?.take(bytes, held) === false) return false;
      used += bytes;
      return true;
    },
    give(bytes) {
      used -= bytes;
      parent?.give(bytes);
    },
    used: () => used,
  };
}

/** Answers whether one more event may come now: `perSecond` on average, as many at once. */
export type RateLimit = (nowMs: number) => boolean;

/** A token bucket. */
export function createRateLimit(perSecond: number): RateLimit {
  let tokens = perSecond;
  let at = 0;
  return (nowMs) => {
    tokens = Math.min(perSecond, tokens + ((nowMs - at) / 1000) * perSecond);
    at = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
