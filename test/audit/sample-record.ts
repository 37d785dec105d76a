import type { DecisionRecord, OutcomeRecord } from '../../native-free-core/audit/event.ts';
import { eventIdOf } from './sample-log.ts';

export function decisionRecord(number: number, session = 'session-1'): DecisionRecord {
  return {
    v: 1,
    kind: 'decision',
    event_id: eventIdOf(number),
    time: '2026-01-02T03:04:05.000000000Z',
    sidecar_id: 'sidecar',
    agent_id: 'agent',
    session_id: session,
    token_id: 'token',
    transport: 'proxy',
    method: 'POST',
    resource: 'api.example.com/v1/things',
    outcome: 'ALLOW',
    reason: 'OK',
    stage: 'policy',
    policies: ['allow'],
    budgets: [],
    session: { age_s: 1, calls: number, denies: 0 },
    config: 'digest',
    latency_us: { normalize: 1, capability: 2, policy: 3, total: 6 },
  };
}

export function outcomeRecord(number: number): OutcomeRecord {
  return {
    v: 1,
    kind: 'outcome',
    event_id: eventIdOf(1_000_000 + number),
    time: '2026-01-02T03:04:05.000000000Z',
    sidecar_id: 'sidecar',
    of: eventIdOf(number),
    settled: 'committed',
    bytes_sent: 1,
    bytes_received: 2,
    latency_us: 3,
  };
}
