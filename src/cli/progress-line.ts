/** A line on a terminal that says how far something is, written over and over. */
export interface ProgressLine {
  show(text: string): void;
  /** Takes the line away, for what is printed next. */
  clear(): void;
}

/** A progress line on stderr; nothing is shown where that is no terminal. */
export function createProgressLine(
  stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr,
): ProgressLine {
  const write = (text: string) => void (stream.isTTY && stream.write(`\r${text}\x1b[K`));
  return { show: write, clear: () => write('') };
}
