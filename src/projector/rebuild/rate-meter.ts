/** A meter of a pass over the log: given each position as it is reached, it answers events a second since the first. */
export function createRateMeter(): (position: number) => number | undefined {
  let first: { position: number; at: number } | undefined;
  return (position) => {
    const now = performance.now();
    first ??= { position, at: now };
    if (position === first.position || now === first.at) return undefined;
    return Math.round(((position - first.position) / (now - first.at)) * 1000);
  };
}
