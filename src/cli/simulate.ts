import { type Command, InvalidArgumentError } from 'commander';
import { type Delivered, deliver, percentile } from '../simulator/deliver.js';
import { simulateWebhooks } from '../simulator/simulate-webhooks.js';
import type { CommandContext } from './context.js';
import { seconds, wholeNumber } from './source-rules.js';
import { readAccess } from './start/access.js';
import { webhookUrl } from './start/report.js';
import { listenForStop } from './stop-request.js';

interface SimulateOptions {
  url?: string;
  rate?: number;
  duration: number;
  seed: number;
  integrations: number;
  resources: number;
  connections: number;
  bodyBytes: number;
  json?: boolean;
}

/** `hookfold simulate`: plays munity against a running ingest. */
export function defineSimulate(command: Command, context: CommandContext): void {
  command
    .option('--url <url>', "the webhook URL, token included (default: a running hookfold start's)")
    .option('--rate <webhooks>', 'webhooks a second (default: as fast as they are answered)', wholeNumber(1))
    .option('--duration <time>', 'how long: 10s, 5m, 1h', seconds, 10)
    .option('--seed <number>', 'the same seed sends the same webhooks', wholeNumber(0), 1)
    .option('--integrations <count>', 'integrations that live at once', wholeNumber(1), 20)
    .option('--resources <count>', 'resources of a first import, on average', wholeNumber(1), 200)
    .option('--connections <count>', 'parallel connections', wholeNumber(1), 8)
    .option('--body-bytes <bytes>', 'size of a webhook on average', wholeNumber(770), 770)
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      '\nEnds with 1 where a webhook was not acknowledged; without an answer it waits 15 seconds.',
    )
    .action(async (options: SimulateOptions) => {
      const stop = new AbortController();
      listenForStop().then(() => stop.abort());
      const { rate, json } = options;
      const delivered = await deliver({
        url: readUrl(options.url ?? urlOfRunning(context)),
        webhooks: simulateWebhooks(options),
        ...(rate === undefined ? {} : { rate }),
        seconds: options.duration,
        connections: options.connections,
        signal: stop.signal,
        onProgress: (now) => {
          if (!json) context.print(`${now.seconds.toFixed(0)} s: ${counts(now)}`);
        },
      });
      context.print(json ? JSON.stringify(summary(delivered)) : describe(delivered));
      process.exit(delivered.acknowledged === delivered.sent ? 0 : 1);
    });
}

function urlOfRunning(context: CommandContext): string {
  const ingestUrl = context.running()?.ingestUrl;
  const token = readAccess(context.home)?.token;
  if (ingestUrl && token) return webhookUrl(ingestUrl, token);
  throw new Error(
    'no hookfold start runs here: name the webhook URL with --url http://HOST:PORT/webhooks/SOURCE/TOKEN',
  );
}

function readUrl(text: string): URL {
  if (URL.canParse(text) && /^https?:/.test(text)) return new URL(text);
  throw new InvalidArgumentError('--url: expected http://HOST:PORT/webhooks/SOURCE/TOKEN');
}

function summary(delivered: Delivered) {
  const { latencies, lastPosition, seconds: time, ...rest } = delivered;
  const milliseconds = (share: number) => Number(percentile(latencies, share).toFixed(2));
  return {
    ...rest,
    last_position: lastPosition,
    seconds: Number(time.toFixed(2)),
    per_second: Math.round(rest.acknowledged / time),
    latency_ms: { p50: milliseconds(0.5), p99: milliseconds(0.99), max: milliseconds(1) },
  };
}

function counts({ sent, acknowledged, rejected, refused, failed }: Delivered): string {
  return `sent ${sent}, acknowledged ${acknowledged}, rejected ${rejected}, refused ${refused}, failed ${failed}`;
}

function describe(delivered: Delivered): string {
  const { per_second, latency_ms, last_position } = summary(delivered);
  return (
    `${counts(delivered)}\n${per_second} acknowledged a second; latency p50 ${latency_ms.p50} ms, ` +
    `p99 ${latency_ms.p99} ms, max ${latency_ms.max} ms; last position ${last_position}`
  );
}
