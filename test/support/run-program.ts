import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Test } from 'tap';
import { packageRoot } from '../../src/postgres/package-root.js';
import { waitFor } from './wait-for.js';

/** `hookfold …` as a process of its own. */
export interface RunningProgram {
  pid: number;
  child: ChildProcess;
  /** All that it wrote so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves when it has ended. */
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>;
  /** The first match in what it wrote to either stream; fails if it ends without. */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  kill(signal: NodeJS.Signals): void;
}

/** What a program of ours is given: no setting of the test runner or of the person who runs it. */
function environment(env: Record<string, string | undefined>): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LANG } = process.env;
  return { PATH, HOME, ...(TMPDIR ? { TMPDIR } : {}), ...(LANG ? { LANG } : {}), ...env };
}

let isBuilt = false;

// Before the program runs, so that no time limit of a test has to hold for the compiler as well.
function buildOnce(): void {
  if (isBuilt) return;
  const build = spawnSync(process.execPath, [join(packageRoot(), 'bin', 'build.js')], {
    env: environment({}),
    encoding: 'utf8',
  });
  if (build.status !== 0) throw new Error(`hookfold cannot be built:\n${build.stderr}`);
  isBuilt = true;
}

/** Runs `node bin/hookfold.js` with `args` and `env` only (and `cwd`, `input`); it is killed with the test. */
export function runProgram(
  t: Pick<Test, 'teardown'>,
  args: readonly string[],
  env: Record<string, string | undefined> = {},
  options: { cwd?: string; input?: string; detached?: boolean } = {},
): RunningProgram {
  buildOnce();
  // Not process.execArgv: the program is run as its users run it, without tap's loader.
  const child = spawn(process.execPath, [join(packageRoot(), 'bin', 'hookfold.js'), ...args], {
    env: environment(env),
    cwd: options.cwd,
    detached: options.detached ?? false,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {}).end(options.input ?? '');
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (written.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (written.stderr += text));
  const exit = new Promise<Awaited<RunningProgram['exit']>>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, ...written })),
  );
  let ended = false;
  exit.then(() => (ended = true));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  const waitForLine = async (pattern: RegExp, timeoutMs = 30_000) => {
    const seen = () => written.stdout.match(pattern) ?? written.stderr.match(pattern);
    await waitFor(() => seen() !== null || ended, {
      timeoutMs,
      what: `${pattern} from hookfold ${args.join(' ')}`,
    });
    const match = seen();
    if (match) return match;
    throw new Error(
      `hookfold ${args.join(' ')} ended without ${pattern}:\n${written.stdout}\n${written.stderr}`,
    );
  };
  return {
    pid: child.pid!,
    child,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    exit,
    waitForLine,
    kill: (signal) => child.kill(signal),
  };
}
