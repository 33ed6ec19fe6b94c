import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { findProgram } from './find-program.js';

const COMMAND = 'apt-get update && apt-get install -y nats-server';

/**
 * The path of nats-server, installed first if that can be done without a question (root on Debian or Ubuntu), which
 * `say` announces. Undefined where it cannot be had; then `say` was given the command to run by hand.
 */
export function ensureNatsServer(say: (line: string) => void): string | undefined {
  const present = findProgram('nats-server');
  if (present) return present;
  if (!isDebian() || findProgram('apt-get') === undefined) {
    say('nats-server is not installed. Install it from https://github.com/nats-io/nats-server/releases');
    return undefined;
  }
  if (process.geteuid?.() !== 0) {
    say(`nats-server is not installed. Run: sudo sh -c '${COMMAND}'`);
    return undefined;
  }
  say(`nats-server is not installed; installing Debian's package: ${COMMAND}`);
  return install(say);
}

function install(say: (line: string) => void): string | undefined {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (args: string[]) => spawnSync('apt-get', args, { env: environment, encoding: 'utf8' });
  run(['update']); // A failed update may still leave a list that is good enough.
  const installed = run(['install', '-y', '--no-install-recommends', 'nats-server']);
  const program = findProgram('nats-server');
  // Judged by the program, not by the exit code: the package's own service may fail to start where we do not need it.
  if (!program)
    say(`apt-get install nats-server failed: ${lastLine(installed.stderr)}. Run by hand: ${COMMAND}`);
  return program;
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

function lastLine(text: string | null): string {
  return text?.trimEnd().split('\n').at(-1) ?? '';
}
