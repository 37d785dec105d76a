import { decisionJson, type DecisionJson } from '../../call.ts';
import { type Answer, badRequest, type IngressRequest } from '../port.ts';
import type { DecidedCall, DecideOptions, DecisionService } from '../service.ts';
import { decodeUtf8 } from '../strict-json.ts';
import { type DecideRequest, parseDecideRequest } from './decide-request.ts';
import { isEnforcementPoint, notAnEnforcementPoint } from './enforcement-point.ts';
import { type ProofJson, proofJson } from './proof.ts';

/** What `/v1/decide` answers. */
export interface DecidedJson extends DecisionJson {
  readonly canonical?: DecidedCall['canonical'];
  /** `null` where no checkpoint came in time. */
  readonly receipt?: ProofJson | null;
}

/** @param source of the connection it came over */
export function optionsOf({ canonicalize, commit, receipt }: DecideRequest, source: string): DecideOptions {
  return { transport: 'decide-api', source, commit, canonicalize, receipt };
}

/** A decision and what was asked for beside it, as the object that is sent. */
export function decidedJson({ decision, canonical, receipt }: DecidedCall): DecidedJson {
  const json = decisionJson(decision);
  if (canonical === undefined && receipt === undefined) return json;
  return {
    ...json,
    ...(canonical === undefined ? {} : { canonical }),
    ...(receipt === undefined ? {} : { receipt: receipt === 'unsigned' ? null : proofJson(receipt) }),
  };
}

function answered(decided: DecidedCall): Answer {
  return { status: 200, body: JSON.stringify(decidedJson(decided)) };
}

/**
 * `POST /v1/decide`: one call. Every decision is 200 with the decision in the body, a denial too; 4xx is a request that is
 * no call, or asks for what is only for enforcement points.
 */
export function decide(request: IngressRequest, service: DecisionService): Answer | Promise<Answer> {
  const text = decodeUtf8(request.body);
  if (text === undefined) return badRequest('the body is not UTF-8');
  const asked = parseDecideRequest(text);
  if ('invalid' in asked) return badRequest(asked.invalid);
  if (asked.commit === 'manual' && !isEnforcementPoint(request, service)) {
    return notAnEnforcementPoint('`commit: "manual"`');
  }
  const decided = service.decide(asked.call, optionsOf(asked, request.source));
  return decided instanceof Promise ? decided.then(answered) : answered(decided);
}
