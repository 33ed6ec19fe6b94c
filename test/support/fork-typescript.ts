import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const loader = new URL('load-typescript.js', import.meta.url);

/** Forks a TypeScript file into a process that knows our loader only: tap's take a second to come up. */
export function forkTypescript(file: URL, args: readonly string[], options: ForkOptions = {}): ChildProcess {
  return fork(fileURLToPath(file), args, { ...options, execArgv: [`--import=${loader.href}`] });
}
