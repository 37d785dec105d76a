import { HEALTHY } from './admission.ts';
import { authzenConfiguration, evaluate } from './api/authzen.ts';
import { decideBatch } from './api/batch.ts';
import { decide } from './api/decide.ts';
import { extAuthz } from './api/ext-authz.ts';
import { proof } from './api/proof.ts';
import { settle } from './api/settle.ts';
import { metrics, readyz } from './api/status.ts';
import { OPENAPI_TEXT } from './openapi/document.ts';
import { type Answer, errorAnswer, type IngressHandler, type IngressRequest } from './port.ts';
import { pathOf, routeOf } from './routes.ts';
import type { DecisionService } from './service.ts';

const NOT_FOUND = errorAnswer(404, 'NOT_FOUND', 'there is no such endpoint');

function failed(): Answer {
  return errorAnswer(503, 'INTERNAL', 'no answer could be made');
}

/**
 * The decision API behind its adapters: a request becomes a call, a decision becomes an answer. What its service answers
 * at once is answered at once. Method, media type and framing were judged by the adapter (`admission.ts`).
 */
export class ApiHandler implements IngressHandler {
  readonly #service: DecisionService;

  constructor(service: DecisionService) {
    this.#service = service;
  }

  handle(request: IngressRequest): Answer | Promise<Answer> {
    try {
      const answer = this.#answer(request);
      return answer instanceof Promise ? answer.catch(failed) : answer;
    } catch {
      return failed();
    }
  }

  #answer(request: IngressRequest): Answer | Promise<Answer> {
    const service = this.#service;
    switch (routeOf(pathOf(request.target))?.name) {
      case 'decide':
        return decide(request, service);
      case 'batch':
        return decideBatch(request, service);
      case 'commit':
        return settle(request, service, 'commit');
      case 'rollback':
        return settle(request, service, 'rollback');
      case 'ext-authz':
        return extAuthz(request, service);
      case 'evaluation':
        return evaluate(request, service);
      case 'authzen-configuration':
        return authzenConfiguration(request);
      case 'proof':
        return proof(request, service);
      case 'healthz':
        return HEALTHY;
      case 'readyz':
        return readyz(service);
      case 'metrics':
        return metrics(service);
      case 'openapi':
        return { status: 200, body: OPENAPI_TEXT };
      case undefined:
        return NOT_FOUND;
    }
  }
}
