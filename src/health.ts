import type { Readied, Readiness } from './deciding-messages.ts';
import type { Firma } from './firma.ts';
import { prometheusText } from './metrics/prometheus.ts';
import { Totals } from './metrics/totals.ts';
import type { SidecarInfo } from './session/sidecar-info.ts';

const READY: Readied = { ready: true };

function readied(isReady: boolean, detail: string): Readied {
  return isReady ? READY : { ready: false, detail };
}

/** What calls cannot be allowed without, and whether it is there. */
export function readinessOf({ parts }: Firma): Readiness {
  const { audit, core, storeAnswers } = parts;
  return {
    bundle: readied(core.inForce.engine !== undefined, 'no policy bundle is loaded'),
    // Read whole at the start, which ends where they cannot be.
    revocations: READY,
    audit: readied(audit.isOpen, 'the log takes no records'),
    store: readied(storeAnswers(), 'the state store cannot be written'),
  };
}

/** The page of `/metrics`. */
export function metricsOf({ parts }: Firma, info: SidecarInfo, proxyConnections: number): string {
  const { audit, config, core, sessions, sharedStats } = parts;
  const { accepted, queued, queuedBytes, refused } = audit.stats;
  return prometheusText(new Totals(sharedStats), {
    info: { adapter: info.adapter, placement: config.ingress.placement, engine: core.stats().engine },
    workers: config.ingress.workers,
    sessions: sessions.sessionCount,
    policyDeclined: core.stats().declined,
    proxyConnections,
    auditQueued: queued,
    auditQueuedBytes: queuedBytes,
    auditAccepted: accepted,
    auditRefused: refused,
  });
}
