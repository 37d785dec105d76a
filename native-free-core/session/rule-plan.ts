import { ACTION_CLASSES } from '../registry/classes.ts';
import type { HostMatch } from '../registry/host-match.ts';
import { AGENT, COUNTER_WORDS, EPHEMERAL_COUNTER_WORDS, SESSION, SIDECAR, WORD } from './account-layout.ts';
import type { Scope } from './account-layout.ts';
import type { BudgetRule } from './budget.ts';

/** A rule as the ledger reads it: what it counts, and where its counter stands. */
export interface RulePlan {
  readonly rule: BudgetRule;
  // What a call reads, beside one another.
  readonly name: string;
  readonly currency: string | undefined;
  readonly host: HostMatch | undefined;
  /** Header whose key makes a repeated call free. */
  readonly idempotencyHeader: string | undefined;
  /** One call is one, whoever makes it and wherever it goes: no window, no condition. */
  readonly isPlain: boolean;
  readonly scope: Scope;
  /** Number of the agent it is for, from 1; 0 for every agent. */
  readonly agentNumber: number;
  readonly isAmount: boolean;
  readonly isBytes: boolean;
  readonly isInFlight: boolean;
  readonly aborts: boolean;
  readonly limit: number;
  /** What is drawn from the store at once. */
  readonly block: number;
  readonly windowMs: number;
  /** First word of the counter from the account's first; of a token's rule, from the buffer's. -1: see `windowCell`. */
  readonly at: number;
  /** Cell, from the account's first, that holds the first word of the window's block; -1 without one. */
  readonly windowCell: number;
  readonly isToken: boolean;
}

/** Of an account of one scope: how wide its slot is, and how many windows it may have. */
export interface ScopePlan {
  readonly plans: readonly RulePlan[];
  /** Words. */
  readonly width: number;
  readonly windows: number;
}

/** The rules that count a class, and whether agents or the sidecar hold counters of them. */
export interface ClassPlan {
  readonly plans: readonly RulePlan[];
  readonly ofAgent: boolean;
  readonly ofSidecar: boolean;
}

export interface Plans {
  readonly all: readonly RulePlan[];
  readonly scopes: readonly [session: ScopePlan, agent: ScopePlan, sidecar: ScopePlan];
  /** By `ActionClassInfo.index`. */
  readonly byClass: readonly ClassPlan[];
  /** Agents that rules name, with their number. */
  readonly agentNumbers: ReadonlyMap<string, number>;
}

const BLOCKS = 64;

export const NO_PLANS: ClassPlan = Object.freeze({ plans: [], ofAgent: false, ofSidecar: false });

/** What a limit is drawn from the store in: a 64th of it, rounded up. */
export function blockOf(limit: number): number {
  return Math.max(1, Math.ceil(limit / BLOCKS));
}

/** The rules among them that count any of these classes, in order. */
export function classPlan(all: readonly RulePlan[], classes: readonly number[]): ClassPlan {
  const plans = all.filter(({ rule }) => classes.some((index) => rule.match[index] === 1));
  return {
    plans,
    ofAgent: plans.some((plan) => plan.scope === AGENT),
    ofSidecar: plans.some((plan) => plan.scope === SIDECAR),
  };
}

type Place = Pick<RulePlan, 'scope' | 'agentNumber' | 'at' | 'windowCell' | 'isToken'>;

function planOf(rule: BudgetRule, place: Place): RulePlan {
  return Object.freeze({
    rule,
    name: rule.name,
    currency: rule.currency,
    host: rule.host,
    idempotencyHeader: rule.idempotencyHeader,
    isPlain:
      rule.kind === 'calls' &&
      rule.agent === undefined &&
      rule.host === undefined &&
      rule.windowMs === undefined &&
      rule.idempotencyHeader === undefined &&
      !place.isToken,
    scope: place.scope,
    agentNumber: place.agentNumber,
    isAmount: rule.kind === 'amount',
    isBytes: rule.kind === 'bytes',
    isInFlight: rule.kind === 'in_flight',
    aborts: rule.onExceed === 'abort',
    limit: rule.limit,
    block: blockOf(rule.limit),
    windowMs: rule.windowMs ?? 0,
    at: place.at,
    windowCell: place.windowCell,
    isToken: place.isToken,
  });
}

/** The plan of a token's rule whose counter is the block at that word. */
export function tokenPlan(rule: BudgetRule, at: number): RulePlan {
  return planOf(rule, { scope: SESSION, agentNumber: 0, at, windowCell: -1, isToken: true });
}

const SCOPES: Readonly<Record<BudgetRule['per'], Scope>> = {
  session: SESSION,
  agent: AGENT,
  sidecar: SIDECAR,
};

/** Says for every configured rule where its counters are. */
export function planBudgets(budgets: readonly BudgetRule[], isDurable: boolean): Plans {
  const agentNumbers = new Map<string, number>();
  for (const { agent } of budgets) {
    if (agent !== undefined && !agentNumbers.has(agent)) agentNumbers.set(agent, agentNumbers.size + 1);
  }
  const all: RulePlan[] = [];
  const scope = (per: BudgetRule['per']): ScopePlan => {
    const own = budgets.filter((rule) => rule.per === per);
    const lives = own.filter(({ windowMs }) => windowMs === undefined).length;
    const windows = own.length - lives;
    const each = isDurable ? COUNTER_WORDS : EPHEMERAL_COUNTER_WORDS;
    const end = WORD.counters + lives * each;
    const plans: RulePlan[] = [];
    let life = 0;
    let window = 0;
    for (const rule of own) {
      const agentNumber = rule.agent === undefined ? 0 : (agentNumbers.get(rule.agent) ?? 0);
      const common = { scope: SCOPES[per], agentNumber, isToken: false };
      if (rule.windowMs === undefined) {
        plans.push(planOf(rule, { ...common, at: WORD.counters + life * each, windowCell: -1 }));
        life += 1;
      } else {
        plans.push(planOf(rule, { ...common, at: -1, windowCell: end * 2 + window }));
        window += 1;
      }
    }
    all.push(...plans);
    const words = end + Math.ceil(windows / 2);
    return { plans, windows, width: words };
  };
  const scopes = [scope('session'), scope('agent'), scope('sidecar')] as const;
  all.sort((left, right) => budgets.indexOf(left.rule) - budgets.indexOf(right.rule));
  const byClass = ACTION_CLASSES.map(({ index }) => classPlan(all, [index]));
  return { all, scopes, byClass, agentNumbers };
}
