// The text format of Prometheus, version 0.0.4. Written by hand: the sums of several threads are what a client library
// keeps to itself, and the text is a page.

import { BOUNDS_US } from './series.ts';
import type { Histogram, Totals } from './totals.ts';

/** What is measured when it is asked for. */
export interface Gauges {
  /** Adapter, placement and engine in use. */
  readonly info: Readonly<Record<string, string>>;
  readonly workers: number;
  readonly sessions: number;
  readonly policyDeclined: number;
  readonly proxyConnections: number;
  readonly auditQueued: number;
  readonly auditQueuedBytes: number;
  readonly auditAccepted: number;
  readonly auditRefused: number;
}

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;

function labelled(name: string, labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([label, value]) =>
      `${label}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  );
  return parts.length === 0 ? name : `${name}{${parts.join(',')}}`;
}

class Page {
  #text = '';

  family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  sample(name: string, labels: Labels, value: number): void {
    this.#text += `${labelled(name, labels)} ${value}\n`;
  }

  one(name: string, type: 'counter' | 'gauge', help: string, value: number): void {
    this.family(name, type, help);
    this.sample(name, {}, value);
  }

  histogram(name: string, labels: Labels, { buckets, sumUs }: Histogram): void {
    let count = 0;
    for (const [index, here] of buckets.entries()) {
      count += here;
      const bound = BOUNDS_US[index];
      this.sample(
        `${name}_bucket`,
        { ...labels, le: bound === undefined ? '+Inf' : String(bound / 1e6) },
        count,
      );
    }
    this.sample(`${name}_sum`, labels, sumUs / 1e6);
    this.sample(`${name}_count`, labels, count);
  }

  get text(): string {
    return this.#text;
  }
}

/** The page of `GET /metrics`. */
export function prometheusText(totals: Totals, gauges: Gauges): string {
  const page = new Page();
  page.family('firma_info', 'gauge', 'What is in use; always 1.');
  page.sample('firma_info', gauges.info, 1);
  page.family('firma_decisions_total', 'counter', 'Decisions, by outcome and reason.');
  for (const { outcome, reason, count } of totals.decisions()) {
    page.sample('firma_decisions_total', { outcome, reason }, count);
  }
  page.family('firma_stage_seconds', 'histogram', 'Time a decision spent in each stage, and in all.');
  for (const stage of ['normalize', 'capability', 'policy', 'total'] as const) {
    page.histogram('firma_stage_seconds', { stage }, totals.histogram(stage));
  }
  page.family(
    'firma_request_seconds',
    'histogram',
    'Time from the first byte of a request of the decision API to its answer.',
  );
  page.histogram('firma_request_seconds', {}, totals.histogram('request'));
  page.one(
    'firma_requests_overloaded_total',
    'counter',
    'Requests refused because too many came at once: no decisions.',
    totals.counter('overloaded'),
  );
  page.one(
    'firma_token_cache_hits_total',
    'counter',
    'Tokens found verified.',
    totals.counter('token_cache_hits'),
  );
  page.one(
    'firma_token_cache_misses_total',
    'counter',
    'Tokens not found so.',
    totals.counter('token_cache_misses'),
  );
  page.one(
    'firma_token_refusals_total',
    'counter',
    'Tokens that did not verify.',
    totals.counter('token_refusals'),
  );
  page.one(
    'firma_policy_declined_total',
    'counter',
    'Questions that the reference engine answered in place of the compiled one.',
    gauges.policyDeclined,
  );
  page.one('firma_audit_records_total', 'counter', 'Records the log accepted.', gauges.auditAccepted);
  page.one(
    'firma_audit_refused_total',
    'counter',
    'Records it did not; their calls were denied.',
    gauges.auditRefused,
  );
  page.one('firma_audit_queue_records', 'gauge', 'Records on their way to the writer.', gauges.auditQueued);
  page.one('firma_audit_queue_bytes', 'gauge', 'Their length.', gauges.auditQueuedBytes);
  page.one('firma_sessions', 'gauge', 'Sessions in memory.', gauges.sessions);
  page.one(
    'firma_proxy_connections',
    'gauge',
    'Connections of agents to the proxy.',
    gauges.proxyConnections,
  );
  page.one('firma_ingress_workers', 'gauge', 'Threads that decide for the decision API.', gauges.workers);
  return page.text;
}
