import { type Answer, errorAnswer, type IngressRequest, RETRY_SOON } from '../port.ts';
import { eventIdOf, pathOf } from '../routes.ts';
import type { DecisionService, EventProof } from '../service.ts';
import { isEnforcementPoint, notAnEnforcementPoint } from './enforcement-point.ts';

/** A UUID in lower case. */
const EVENT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const UNKNOWN = errorAnswer(404, 'EVENT_UNKNOWN', 'no event of that id is in the log of this run');
const UNSIGNED = errorAnswer(
  409,
  'NOT_SIGNED_YET',
  'the event is in the log, and under no checkpoint yet; ask again',
  RETRY_SOON,
);

/** Whether a text can be the id of an event. */
export function isEventId(text: string): boolean {
  return EVENT_ID.test(text);
}

/** A proof as it is sent. */
export interface ProofJson {
  /** The line of the log, without its line break. */
  readonly record: string;
  readonly leaf_index: number;
  readonly tree_size: number;
  readonly inclusion: readonly string[];
  readonly checkpoint: string;
}

export function proofJson({ record, leafIndex, treeSize, inclusion, checkpoint }: EventProof): ProofJson {
  return { record, leaf_index: leafIndex, tree_size: treeSize, inclusion, checkpoint };
}

/** `GET /v1/events/{event_id}/proof`. A record is another agent's business, so it is for enforcement points alone. */
export async function proof(request: IngressRequest, service: DecisionService): Promise<Answer> {
  if (!isEnforcementPoint(request, service)) return notAnEnforcementPoint('`/v1/events`');
  const eventId = eventIdOf(pathOf(request.target));
  const found = isEventId(eventId) ? await service.proof(eventId) : 'unknown';
  if (found === 'unknown') return UNKNOWN;
  return found === 'unsigned' ? UNSIGNED : { status: 200, body: JSON.stringify(proofJson(found)) };
}
