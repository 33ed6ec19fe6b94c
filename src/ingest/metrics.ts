import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { REFUSALS, REJECTIONS, type RefusalCause, type RejectedReason } from '../../schemas/http-ingest.js';
import type { ByteBudget } from './load.js';
import type { SourceBook } from './source-book.js';

/**
 * Every request to the door is counted once: acknowledged, rejected (and kept), unauthenticated, refused (503), or
 * gone (its sender was cut off or went away before its end).
 */
export interface IngestMetrics {
  committed(events: number, seconds: number): void;
  acknowledged(duplicate: boolean): void;
  rejected(reason: RejectedReason): void;
  unauthenticated(): void;
  refused(cause: RefusalCause): void;
  gone(): void;
  /** Bytes on a socket that are no HTTP request. */
  malformed(): void;
}

/** Registers the door's metrics. */
export function createIngestMetrics(registry: Registry, budget: ByteBudget, book: SourceBook): IngestMetrics {
  const counts = { acknowledged: 0, appended: 0, duplicates: 0, unauthenticated: 0, gone: 0, malformed: 0 };
  const help: Record<keyof typeof counts, string> = {
    acknowledged: 'Requests answered 202 or 200: their event is in the log',
    appended: 'Events that this process appended to the log',
    duplicates: 'Requests answered 200: their delivery id was in the log before',
    unauthenticated: 'Requests answered 401',
    gone: 'Requests whose sender went away or was cut off before their end',
    malformed: 'Connections that sent no HTTP',
  };
  // Plain numbers on the way of every request; prom-client asks for them when it is asked.
  for (const name of Object.keys(counts) as (keyof typeof counts)[])
    new Counter({
      ...options(registry, `${name}_total`, help[name]),
      collect() {
        this.reset();
        this.inc(counts[name]);
      },
    });
  const batch = new Histogram({
    ...options(registry, 'batch_events', 'Events of a commit'),
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
  });
  const commit = new Histogram({
    ...options(registry, 'commit_seconds', 'Time of a commit'),
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
  const rejected = new Counter({
    ...options(
      registry,
      'rejected_total',
      'Requests of a known source that were no event, by reason; all are kept',
    ),
    labelNames: ['reason'],
  });
  const refused = new Counter({
    ...options(registry, 'refused_total', 'Requests answered 503, by cause'),
    labelNames: ['cause'],
  });
  for (const reason of Object.keys(REJECTIONS)) rejected.inc({ reason }, 0);
  for (const cause of Object.keys(REFUSALS)) refused.inc({ cause }, 0);
  addGauges(registry, budget, book);
  return {
    committed(events, seconds) {
      batch.observe(events);
      commit.observe(seconds);
    },
    acknowledged(duplicate) {
      counts.acknowledged += 1;
      if (duplicate) counts.duplicates += 1;
      else counts.appended += 1;
    },
    rejected: (reason) => rejected.inc({ reason }),
    unauthenticated() {
      counts.unauthenticated += 1;
    },
    refused: (cause) => refused.inc({ cause }),
    gone() {
      counts.gone += 1;
    },
    malformed() {
      counts.malformed += 1;
    },
  };
}

function addGauges(registry: Registry, budget: ByteBudget, book: SourceBook): void {
  new Gauge({
    ...options(registry, 'in_flight_bytes', 'Bytes of requests that are read or wait for their commit'),
    collect() {
      this.set(budget.used());
    },
  });
  new Gauge({
    ...options(registry, 'unverified_source', '1 for each source that proves nothing'),
    labelNames: ['source'],
    collect() {
      this.reset();
      for (const { name, rules } of book.all()) if (rules.unverified) this.set({ source: name }, 1);
    },
  });
}

function options(registry: Registry, name: string, help: string) {
  return { name: `hookfold_ingest_${name}`, help, registers: [registry] };
}
