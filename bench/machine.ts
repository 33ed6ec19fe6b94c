import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import type { ServersDescription } from './servers.js';

export interface Machine {
  processor: string;
  cores: number;
  memory_gb: number;
  system: string;
  node: string;
  postgres: string;
  nats: string;
  /** Of the last minute, when the run began: anything well above 0 makes the figures noisy. */
  load: number;
}

/** What the figures were measured on. */
export function describeMachine({ postgres, nats }: ServersDescription, load = loadavg()[0]!): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    system: systemName(),
    node: process.version,
    postgres,
    nats,
    load: Math.round(load * 100) / 100,
  };
}

function systemName(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}
