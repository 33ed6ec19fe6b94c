// fan-in: several ingest processes at once on one log. They wait for each other at its head; does that cost?
import type { Bench } from './bench.js';
import { createWebhooks } from './bodies.js';
import { untilRelayed } from './bus.js';
import { CONNECTIONS, costOf, rateOfAnswered } from './door-load.js';
import { fullLoad } from './http-load.js';
import { type Contestant, checkpoint, inTurn, ratioOf, resultOf } from './in-turn.js';
import type { LoadAnswer } from './load-once.js';
import { createSource, startRole } from './role.js';

const COUNTS = [1, 2, 4];
const SECONDS = 5;
const nameOf = (count: number) => `${count} ingest ${count === 1 ? 'process' : 'processes'}`;

export const fanIn: Bench = {
  name: 'fan-in',
  about: '1, 2 and 4 ingest processes at once',
  async run(context) {
    const { options, say } = context;
    const seconds = options.seconds ?? SECONDS;
    const database = await context.createDatabase();
    const path = await createSource(database);
    const urls: string[] = [];
    for (let count = 0; count < Math.max(...COUNTS); count++)
      urls.push((await startRole(context, 'ingest', database)).url + path);
    const bodies = createWebhooks(options.bodyBytes).take(5000);
    const contestants = COUNTS.map((count): Contestant & { answers: LoadAnswer[] } => {
      const answers: LoadAnswer[] = [];
      return {
        answers,
        name: nameOf(count),
        unit: 'requests/s',
        prepare: () => checkpoint(database.pool),
        clear: async () => void (await untilRelayed(await context.natsUrl(), database.pool)),
        async run() {
          const connections = CONNECTIONS / count;
          const loads = urls.slice(0, count).map((url) => fullLoad({ url, bodies, connections, seconds }));
          const done = await Promise.all(loads);
          answers.push(...done);
          return done.reduce((sum, answer) => sum + rateOfAnswered(nameOf(count), answer), 0);
        },
      };
    });
    const lines = await inTurn(contestants, options.rounds ?? 3, say);
    const ratios = COUNTS.slice(1).map((count) => ratioOf(lines, nameOf(count), nameOf(1), { atLeast: 1 }));
    const about = `${seconds} s a turn, ${CONNECTIONS} connections shared out among the processes`;
    const notes = contestants.map(({ name, answers }) => `${name}: ${costOf(answers)}, for each process`);
    return [resultOf('fan-in', about, lines, ratios, notes)];
  },
};
