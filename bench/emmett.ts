// Emmett, in a package of its own under bench/emmett, installed on first use and run as a process of its own.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../src/postgres/package-root.js';

const folder = join(packageRoot(), 'bench', 'emmett');

/** Installs Emmett from the registry that npm is set to, unless it is installed; says so before it does. */
export async function ensureEmmett(say: (text: string) => void): Promise<void> {
  if (existsSync(join(folder, 'node_modules', '@event-driven-io', 'emmett-postgresql'))) return;
  say(`installing Emmett, the peer: npm ci in ${folder}`);
  await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder });
}

/** Runs a script of bench/emmett with `order` on its standard input; answers the JSON that it prints. */
export function runEmmett<Answer>(script: string, order: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(folder, script)], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    let complained = '';
    child.stdout.on('data', (chunk) => (said += chunk));
    child.stderr.on('data', (chunk) => (complained += chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(said.slice(said.lastIndexOf('{'))));
      else reject(new Error(`${script} ended with ${code}: ${complained.slice(-2000)}`));
    });
    child.stdin.end(JSON.stringify(order));
  });
}
