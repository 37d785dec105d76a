import { hash } from 'node:crypto';
import {
  type BudgetInput,
  type Charge,
  compileBudgets,
  findActionClass,
  type SessionHandle,
  SessionTable,
  type StateStore,
} from '@firma/core';

/**
 * Reserve, commit and release by handle, uniformly random over the sessions, 20 rules per session:
 *
 * - `matching_8`: 8 of them count the class of the call; `matching_20`: all do.
 * - `stored_8`, `stored_20`: the same with a store that every counter has drawn a block from, and `durable` asked before
 *   the commit, as before every dispatch.
 */
export type SessionFigure = 'matching_8' | 'matching_20' | 'stored_8' | 'stored_20';
export const SESSION_FIGURES: readonly SessionFigure[] = [
  'matching_8',
  'matching_20',
  'stored_8',
  'stored_20',
];

export interface SessionRound {
  readonly figure: SessionFigure;
  /** Median over the samples, in microseconds a call. */
  readonly medianUs: number;
}

export interface SessionOptions {
  readonly figures: readonly SessionFigure[];
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
/** Sessions that are opened at once. */
const AT_ONCE = 1000;
/** Windowed budgets a session: of one alone, noise would be a part. */
const WINDOWS = 8;
/** Sessions whose bytes are measured. */
const MEASURED = 50_000;
/** A handle in the list of the bench. */
const SMI_BYTES = 8;

const MATCHING: Readonly<Record<SessionFigure, number>> = {
  matching_8: 8,
  matching_20: 20,
  stored_8: 8,
  stored_20: 20,
};

/** Keeps nothing, at once: what a store costs the calls that need not wait for it. */
const NO_STORE: StateStore = { load: () => Promise.resolve(undefined), save: () => Promise.resolve() };

/** One read that budgets of calls count. */
export const CHARGE: Charge = {
  classIndex: findActionClass('code.read')?.index ?? -1,
  otherClasses: [],
  amount: undefined,
  currency: undefined,
  host: 'api.test',
  idempotencyHeader: undefined,
  idempotency: undefined,
};

interface Subject {
  readonly figure: SessionFigure;
  readonly table: SessionTable;
  readonly handles: readonly SessionHandle[];
}

function tableOf(budgets: readonly BudgetInput[], store: StateStore | undefined): Promise<SessionTable> {
  return SessionTable.open({
    budgets: compileBudgets(budgets),
    sha256Hex: (text) => hash('sha256', text, 'hex'),
    steadyMs: () => performance.now(),
    // Idle sessions leave beyond 7/8 of it.
    maxSessions: SESSIONS * 1.25,
    store,
  });
}

/** Opens every session and makes one call in it, which draws its blocks. @returns those that stay in memory: with a store, nearly all */
async function fill(table: SessionTable, sessions = SESSIONS): Promise<readonly SessionHandle[]> {
  const call = async (index: number): Promise<SessionHandle> => {
    const [iss, sub, sid] = ['https://authority.test', `agent-${index % 100}`, `session-${index}`];
    const handle = await table.open({ key: `${iss}\n${sub}\n${sid}`, iss, sub, sid }, 0, []);
    const reserved = handle === undefined ? undefined : table.reserve(handle, CHARGE);
    if (handle === undefined || reserved === undefined || 'reason' in reserved) {
      throw new Error(`no room for session ${index}`);
    }
    await table.durable(reserved.id);
    table.commit(reserved.id);
    table.release(reserved.id);
    return handle;
  };
  const handles: SessionHandle[] = [];
  for (let first = 0; first < sessions; first += AT_ONCE) {
    handles.push(...(await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => call(first + index)))));
  }
  // Sessions that leave memory do so once they are saved.
  await new Promise((resolve) => setImmediate(resolve));
  return handles.filter((handle) => table.isOpen(handle));
}

async function subject(figure: SessionFigure): Promise<Subject> {
  const budgets = Array.from({ length: RULES }, (_, index): BudgetInput => ({
    name: `rule-${index}`,
    match: [index < MATCHING[figure] ? 'code.read' : 'payment.transfer'],
    maxCalls: 1_000_000_000,
    onExceed: 'deny',
  }));
  const table = await tableOf(budgets, figure.startsWith('stored') ? NO_STORE : undefined);
  return { figure, table, handles: await fill(table) };
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
function pass({ table }: Subject, handles: readonly SessionHandle[]): number {
  let charges = 0;
  for (const handle of handles) {
    const reserved = table.reserve(handle, CHARGE);
    if ('reason' in reserved || table.durable(reserved.id) !== undefined) continue;
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
  for (const figure of options.figures) subjects.push(await subject(figure));
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

export interface SessionMemory {
  /** Of a session with four budgets that last as long as it does: slot, index, names, everything. */
  readonly sessionBytes: number;
  /** Added by one windowed budget that it has touched. */
  readonly windowBytes: number;
}

/** What the process holds: live objects, and what is resident outside the heap, where the tables are. */
function heldBytes(): number {
  if (globalThis.gc === undefined) throw new Error('run node with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  const { heapTotal, heapUsed, rss } = process.memoryUsage();
  return heapUsed + rss - heapTotal;
}

async function sessionBytes(windows: number): Promise<number> {
  const budgets = Array.from({ length: 4 + windows }, (_, index): BudgetInput => ({
    name: `rule-${index}`,
    match: ['code.read'],
    maxCalls: 1_000_000,
    onExceed: 'deny',
    ...(index < 4 ? {} : { window: '1h' }),
  }));
  const before = heldBytes();
  const table = await tableOf(budgets, NO_STORE);
  const handles = await fill(table, MEASURED);
  const bytes = heldBytes() - before;
  // Table and handles are used after it was measured, so neither is collected before.
  return bytes / Math.min(table.sessionCount, handles.length) - SMI_BYTES;
}

async function lowest(measure: () => Promise<number>): Promise<number> {
  let least = Infinity;
  for (let turn = 0; turn < 2; turn++) least = Math.min(least, await measure());
  return least;
}

/** Measures what sessions hold, over tables of 50,000 with a store. Needs `--expose-gc`. */
export async function measureSessionMemory(): Promise<SessionMemory> {
  // What was freed before and is used again does not show; what the process takes meanwhile for something else does.
  await sessionBytes(0);
  const none = await lowest(() => sessionBytes(0));
  return { sessionBytes: none, windowBytes: ((await lowest(() => sessionBytes(WINDOWS))) - none) / WINDOWS };
}
