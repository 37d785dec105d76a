import type { DecisionRecord, RecordedReading } from '../audit/event.ts';
import type { Capability } from '../capability/claims.ts';
import type { Envelope, RawRequest, Reading } from '../normalizer/envelope.ts';
import { uidOf } from '../normalizer/resource.ts';
import type { SessionSnapshot } from '../session/table.ts';
import type { Decision } from './decision.ts';

/** What every record of this sidecar starts with. */
export interface RecordOrigin {
  readonly sidecarId: string;
}

// A method or target that was refused is shown in the record only up to here.
const MAX_SHOWN = 512;

// What a refused request called itself may hold anything; a record holds printable ASCII.
function shown(text: string): string {
  let out = '';
  const end = Math.min(text.length, MAX_SHOWN);
  for (let index = 0; index < end; index++) {
    const code = text.charCodeAt(index);
    out += code > 0x20 && code < 0x7f ? text.charAt(index) : '?';
  }
  return out;
}

/**
 * What a decision is about, in one line: the resource of its first reading, the bare target where no rule
 * matched, `?` where the target itself could not be read. A query is never part of it.
 */
function resourceName(decision: Decision): string {
  if (decision.envelope !== undefined) return decision.envelope.readings[0].resource.uid;
  const { target } = decision;
  return target === undefined ? '?' : uidOf(target, target.matchPath);
}

function recordedReading(reading: Reading): RecordedReading {
  return {
    action_class: reading.actionClass.name,
    method: reading.resource.method,
    resource: reading.resource.uid,
    rule: reading.rule,
    params: reading.params,
  };
}

/** Only where there is more than one. */
function recordedReadings({ readings }: Envelope): readonly RecordedReading[] | undefined {
  return readings.length === 1 ? undefined : readings.map(recordedReading);
}

function recordedRequest({ bodyBytes, target }: Envelope): DecisionRecord['request'] {
  return { scheme: target.scheme, body_bytes: bodyBytes, query_present: target.query !== '' };
}

/** The ExecutionEvent of a decision (semantics §6). Members that do not apply are undefined. */
export function decisionRecord(
  origin: RecordOrigin,
  time: string,
  eventId: string,
  decision: Decision,
  raw: RawRequest,
  capability: Capability,
  session: SessionSnapshot,
  cedarContextHash: string | undefined,
  config: string,
): DecisionRecord {
  const { envelope } = decision;
  const first = envelope?.readings[0];
  const { claims } = capability;
  return {
    v: 1,
    kind: 'decision',
    event_id: eventId,
    time,
    sidecar_id: origin.sidecarId,
    agent_id: claims.sub,
    session_id: claims.sid,
    token_id: claims.jti,
    transport: raw.transport,
    method: envelope === undefined ? shown(raw.method) : envelope.method,
    resource: resourceName(decision),
    action_class: first?.actionClass.name,
    readings: envelope === undefined ? undefined : recordedReadings(envelope),
    rule: first?.rule,
    outcome: decision.outcome,
    scope: decision.scope,
    reason: decision.reason,
    stage: decision.stage,
    policies: decision.policies,
    budgets: decision.budgets,
    request: envelope === undefined ? undefined : recordedRequest(envelope),
    params: first?.params,
    session: {
      age_s: session.ageS,
      calls: session.calls,
      denies: session.denies,
      last_class: session.lastClass === '' ? undefined : session.lastClass,
    },
    config,
    cedar_context_hash: cedarContextHash,
    latency_us: decision.timings,
  };
}
