// What becomes of a command whose output nobody reads any more: the other end of a pipe, or the terminal, has gone.

/**
 * Ends the program where whoever read it has seen enough (`hookfold tail | head`): that is an end, not a fault. One that was
 * found before keeps its exit code.
 */
export function endWithReader(): void {
  process.stdout.on('error', endOrThrow);
}

/** From now on the program goes on without a reader, as one that others rely on has to. */
export function outliveReader(): void {
  process.stdout.off('error', endOrThrow);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

function endOrThrow(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit();
  throw error;
}
