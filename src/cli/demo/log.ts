import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecisionRecord, LogReport, OutcomeRecord } from '@firma/core';
import { readLog } from '../../audit/read-log.ts';
import { verifyRunLog } from '../../audit/verify-run.ts';
import { stateLayout } from '../../config/state-dir.ts';
import { verifierKeyPath } from '../../store/signing-key.ts';

function isDecision(value: unknown): value is DecisionRecord {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'decision';
}

function isOutcome(value: unknown): value is OutcomeRecord {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'outcome';
}

/** The decisions of a run and what became of those that were allowed, each in the order of its log. */
export async function recordsOf(
  runDir: string,
): Promise<{ decisions: DecisionRecord[]; outcomes: OutcomeRecord[] }> {
  const decisions: DecisionRecord[] = [];
  const outcomes: OutcomeRecord[] = [];
  for await (const line of readLog(runDir)) {
    const record: unknown = JSON.parse(line);
    if (isDecision(record)) decisions.push(record);
    else if (isOutcome(record)) outcomes.push(record);
  }
  return { decisions, outcomes };
}

/** One line for a person. */
export function decisionLine(record: DecisionRecord): string {
  const { outcome, action_class: actionClass = '-', resource, reason, latency_us: latency } = record;
  return `${outcome.padEnd(5)}  ${actionClass.padEnd(27)}  ${resource.padEnd(49)}  ${reason.padEnd(19)}  ${String(latency.total).padStart(6)} µs`;
}

/** Verifies a run's log with the public key of its state directory. */
export async function verifyLogOf(runDir: string, stateDir: string): Promise<LogReport> {
  const verifierKey = await readFile(verifierKeyPath(stateLayout(stateDir).logKeyFile), 'utf8');
  return verifyRunLog(runDir, { verifierKey, knownCheckpoint: undefined });
}

/** Copies a log and changes one byte in the record of an event: an amount, a name, an outcome, whatever stands there. */
export async function copyWithOneByteChanged(runDir: string, copy: string, eventId: string): Promise<void> {
  await cp(runDir, copy, { recursive: true, filter: (source) => !source.endsWith('.sock') });
  for (const name of await readdir(copy)) {
    if (!name.endsWith('.jsonl')) continue;
    const file = join(copy, name);
    const text = await readFile(file, 'utf8');
    const line = text.split('\n').find((candidate) => candidate.includes(`"event_id":"${eventId}"`));
    if (line === undefined) continue;
    const changed = line.replace('"reason":"POLICY_FORBID"', '"reason":"POLICY_FORBIE"');
    await writeFile(file, text.replace(line, changed));
  }
}
