import { hash } from 'node:crypto';
import {
  type BudgetInput,
  type Charge,
  compileBudgets,
  findActionClass,
  type SessionHandle,
  SessionTable,
} from '@firma/core';

/**
 * Reserve, commit and release by handle, uniformly random over the sessions, 20 rules per session:
 *
 * - `matching_8`: 8 of them count the class of the call; `matching_20`: all do.
 */
export type SessionFigure = 'matching_8' | 'matching_20';
export const SESSION_FIGURES: readonly SessionFigure[] = ['matching_8', 'matching_20'];

export interface SessionRound {
  readonly figure: SessionFigure;
  /** Median over the samples, in microseconds a call. */
  readonly medianUs: number;
}

export interface SessionOptions {
  readonly rounds: number;
  /** Samples a round and figure; each is `CALLS` calls. */
  readonly samples: number;
  /** Makes every sample longer by so much: a gate that cannot fail gates nothing. */
  readonly plantMs: number;
}

const SESSIONS = 100_000;
const RULES = 20;
const CALLS = 1000;
const WARM_UP_SHARE = 0.5;

const MATCHING: Readonly<Record<SessionFigure, number>> = { matching_8: 8, matching_20: 20 };

interface Subject {
  readonly figure: SessionFigure;
  readonly table: SessionTable;
  readonly handles: readonly SessionHandle[];
  readonly charge: Charge;
}

async function subject(figure: SessionFigure): Promise<Subject> {
  const budgets = Array.from({ length: RULES }, (_, index): BudgetInput => ({
    name: `rule-${index}`,
    match: [index < MATCHING[figure] ? 'code.read' : 'payment.transfer'],
    maxCalls: 1_000_000_000,
    onExceed: 'deny',
  }));
  const table = await SessionTable.open({
    budgets: compileBudgets(budgets),
    sha256Hex: (text) => hash('sha256', text, 'hex'),
    steadyMs: () => performance.now(),
    maxSessions: SESSIONS,
  });
  const handles: SessionHandle[] = [];
  for (let index = 0; index < SESSIONS; index++) {
    const [iss, sub, sid] = ['https://authority.test', `agent-${index % 100}`, `session-${index}`];
    const handle = await table.open({ key: `${iss}\n${sub}\n${sid}`, iss, sub, sid }, 0, []);
    if (handle === undefined) throw new Error(`${figure}: no room for session ${index}`);
    handles.push(handle);
  }
  const classIndex = findActionClass('code.read')?.index ?? -1;
  const charge: Charge = {
    classIndex,
    otherClasses: [],
    amount: undefined,
    currency: undefined,
    host: 'api.test',
    idempotencyHeader: undefined,
    idempotency: undefined,
  };
  return { figure, table, handles, charge };
}

/** Handles in random order: of a generator with a fixed seed, so that every run asks the same. */
function order(handles: readonly SessionHandle[], seed: number): readonly SessionHandle[] {
  const [first] = handles;
  if (first === undefined) throw new Error('no session to call');
  let state = seed + 1;
  return Array.from({ length: CALLS }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return handles[Math.floor((state / 2 ** 32) * handles.length)] ?? first;
  });
}

/** @returns charges made, so that none can be left out */
function pass({ table, charge }: Subject, handles: readonly SessionHandle[]): number {
  let charges = 0;
  for (const handle of handles) {
    const reserved = table.reserve(handle, charge);
    if ('reason' in reserved) continue;
    if (table.commit(reserved.id) && table.release(reserved.id)) charges += reserved.lines.length;
  }
  return charges;
}

function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

function sample(one: Subject, seed: number, plantMs: number): number {
  const handles = order(one.handles, seed);
  const before = performance.now();
  const charges = pass(one, handles);
  busyFor(plantMs);
  const spentMs = performance.now() - before;
  const expected = CALLS * MATCHING[one.figure];
  if (charges !== expected) throw new Error(`${one.figure}: ${charges} charges, not ${expected}`);
  return (spentMs * 1000) / CALLS;
}

/** Measures the session table, every charge counted; figures alternate within a round. */
export async function measureSessions(options: SessionOptions): Promise<readonly SessionRound[]> {
  const subjects: Subject[] = [];
  for (const figure of SESSION_FIGURES) subjects.push(await subject(figure));
  const rounds: SessionRound[] = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const one of subjects) {
      const warmUp = Math.ceil(options.samples * WARM_UP_SHARE);
      const samples: number[] = [];
      for (let index = -warmUp; index < options.samples; index++) {
        const us = sample(one, round * 10_000 + warmUp + index, options.plantMs);
        if (index >= 0) samples.push(us);
      }
      samples.sort((left, right) => left - right);
      rounds.push({ figure: one.figure, medianUs: samples[Math.floor(samples.length / 2)] ?? Number.NaN });
    }
  }
  for (const { figure, table } of subjects) {
    if (table.reservationCount !== 0) throw new Error(`${figure}: reservations are left`);
  }
  return rounds;
}
