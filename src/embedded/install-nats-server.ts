import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { findProgram } from './find-program.js';

const COMMAND = 'apt-get update && apt-get install -y nats-server';

/**
 * The path of nats-server, installed first if that can be done without a question (root on Debian or Ubuntu), which
 * `say` announces. Undefined where it cannot be had; then `say` was given the command to run by hand.
 */
export async function ensureNatsServer(say: (line: string) => void): Promise<string | undefined> {
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

async function install(say: (line: string) => void): Promise<string | undefined> {
  await runApt(['update']); // A failed update may still leave a list that is good enough.
  const said = await runApt(['install', '-y', '--no-install-recommends', 'nats-server']);
  const program = findProgram('nats-server');
  // Judged by the program, not by the exit code: the package's own service may fail to start where we do not need it.
  if (!program) say(`apt-get install nats-server failed: ${lastLine(said)}. Run by hand: ${COMMAND}`);
  return program;
}

/** Resolves, when it has ended, with what it wrote to stderr. In a group of its own: Ctrl-C does not cut an installation off. */
async function runApt(args: string[]): Promise<string> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const child = spawn('apt-get', args, { env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  await once(child, 'close');
  return said;
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
