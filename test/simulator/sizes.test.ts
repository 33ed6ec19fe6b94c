// Webhooks to measure with are as large as they are said to be, in an import and in the long run.
import t from 'tap';
import { simulateWebhooks } from '../../src/simulator/simulate-webhooks.js';

for (const bodyBytes of [770, 8192])
  for (const count of [2000, 50_000])
    t.test(`${count} webhooks of ${bodyBytes} characters on average`, async (t) => {
      const webhooks = simulateWebhooks({ seed: 3, integrations: 40, bodyBytes });
      const lengths = Array.from({ length: count }, () => webhooks.next().value.length);
      const mean = lengths.reduce((sum, length) => sum + length, 0) / count;
      t.ok(Math.abs(mean / bodyBytes - 1) < 0.05, `expected about ${bodyBytes}, found ${mean}`);
    });
