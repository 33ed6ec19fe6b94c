// One run: servers that are started when a bench first asks for them, and what each bench opened, closed behind it.
import type { Bench, BenchContext, BenchOptions, BenchResult } from './bench.js';
import { assertNoStream, removeStream } from './bus.js';
import { createDatabase, type ServersDescription, startServers } from './servers.js';

export interface Run {
  run(bench: Bench): Promise<BenchResult[]>;
  servers(): Promise<ServersDescription>;
  stop(): Promise<void>;
}

export function createRun(named: { databaseUrl?: string; natsUrl?: string }, options: BenchOptions): Run {
  let starting: Promise<ServersDescription> | undefined;
  const servers = () => {
    starting ??= startServers(named);
    return starting;
  };

  async function run(bench: Bench): Promise<BenchResult[]> {
    const cleaning: (() => Promise<unknown> | unknown)[] = [];
    let clearedBus: Promise<string> | undefined;
    const clearBus = async () => {
      const { natsUrl } = await servers();
      await assertNoStream(natsUrl);
      cleaning.push(() => removeStream(natsUrl));
      return natsUrl;
    };
    const context: BenchContext = {
      options,
      servers,
      natsUrl() {
        clearedBus ??= clearBus();
        return clearedBus;
      },
      natsServer: async () => (await servers()).natsServer,
      atEnd: (clean) => void cleaning.push(clean),
      say: (text) => void process.stderr.write(`  ${bench.name}: ${text}\n`),
      async createDatabase() {
        const database = await createDatabase((await servers()).postgresUrl);
        cleaning.push(database.drop);
        return database;
      },
    };
    try {
      return await bench.run(context);
    } finally {
      for (const clean of cleaning.reverse()) await clean();
    }
  }

  return { run, servers, stop: async () => void (await (await starting)?.stop()) };
}
