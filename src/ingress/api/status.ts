import type { Answer } from '../port.ts';
import { RETRY_SOON } from '../port.ts';
import type { DecisionService } from '../service.ts';

/** `GET /readyz`: 200 where every part is ready to decide, else 503; each part is named either way. */
export async function readyz(service: DecisionService): Promise<Answer> {
  const { bundle, revocations, audit, store } = await service.readiness();
  const isReady = bundle.ready && revocations.ready && audit.ready && store.ready;
  const body = JSON.stringify({ ready: isReady, bundle, revocations, audit, store });
  return isReady ? { status: 200, body } : { status: 503, body, headers: RETRY_SOON };
}

/** `GET /metrics`, in Prometheus' text format. */
export async function metrics(service: DecisionService): Promise<Answer> {
  return {
    status: 200,
    body: await service.metrics(),
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
  };
}
