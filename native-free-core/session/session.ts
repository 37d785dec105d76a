import { ACTION_CLASSES } from '../registry/classes.ts';
import type { BudgetLimit, BudgetRule } from './budget.ts';
import { compileTokenBudgets } from './budgets.ts';
import { BudgetLedger } from './ledger.ts';

/** What policies and the record see of a session at one instant. The lists never change once handed out. */
export interface SessionSnapshot {
  readonly ageS: number;
  /** Calls allowed so far and reservations not decided yet, this call's included. */
  readonly calls: number;
  readonly denies: number;
  /** Classes, of every reading, and hosts of the calls allowed before this one. */
  readonly classes: readonly string[];
  /** Nothing fills it yet. */
  readonly tools: readonly string[];
  readonly hosts: readonly string[];
  /** Labels of the credentials injected so far. */
  readonly injected: readonly string[];
  /** Class that the last allowed call counted as; empty before it. */
  readonly lastClass: string;
}

const MAX_HOSTS = 256;
const MAX_INJECTED = 256;
const NOTHING: readonly string[] = Object.freeze([]);

/** The state of one session: counters, sets, budgets, and whether it was aborted. */
export class Session {
  readonly #startMs: number;
  readonly ledger: BudgetLedger;
  /** Reservations outstanding, and those of them whose call is not decided yet. */
  outstanding = 0;
  undecided = 0;
  abortReason: string | undefined = undefined;
  #allows = 0;
  #denies = 0;
  #lastClass = '';
  // Sorted, and replaced rather than changed: snapshots keep the lists they were given. They grow seldom and are bounded.
  #classes = NOTHING;
  #hosts = NOTHING;
  #injected = NOTHING;
  readonly #hostSet = new Set<string>();
  readonly #tokensSeen = new WeakSet<readonly BudgetLimit[]>();

  constructor(startMs: number, budgets: readonly BudgetRule[]) {
    this.#startMs = startMs;
    this.ledger = new BudgetLedger(budgets);
  }

  /** @returns false where the session carries too many token budgets already */
  addTokenBudgets(budgets: readonly BudgetLimit[]): boolean {
    if (budgets.length === 0 || this.#tokensSeen.has(budgets)) return true;
    if (!this.ledger.tighten(compileTokenBudgets(budgets))) return false;
    this.#tokensSeen.add(budgets);
    return true;
  }

  /** Calls still undecided may each bring a new host, so they count. */
  hasRoomForHost(host: string): boolean {
    return this.#hostSet.has(host) || this.#hostSet.size + this.undecided < MAX_HOSTS;
  }

  countAllow(classIndex: number, host: string): void {
    this.#allows += 1;
    this.#lastClass = ACTION_CLASSES[classIndex]?.name ?? this.#lastClass;
    this.noteClass(classIndex);
    if (this.#hostSet.has(host) || this.#hostSet.size >= MAX_HOSTS) return;
    this.#hostSet.add(host);
    this.#hosts = Object.freeze([...this.#hosts, host].sort());
  }

  noteClass(classIndex: number): void {
    const name = ACTION_CLASSES[classIndex]?.name;
    if (name === undefined || this.#classes.includes(name)) return;
    this.#classes = Object.freeze([...this.#classes, name].sort());
  }

  countDeny(): void {
    this.#denies += 1;
  }

  noteInjected(label: string): void {
    if (this.#injected.includes(label) || this.#injected.length >= MAX_INJECTED) return;
    this.#injected = Object.freeze([...this.#injected, label].sort());
  }

  snapshot(nowMs: number): SessionSnapshot {
    return {
      ageS: Math.max(0, Math.floor((nowMs - this.#startMs) / 1000)),
      calls: this.#allows + this.undecided,
      denies: this.#denies,
      classes: this.#classes,
      tools: NOTHING,
      hosts: this.#hosts,
      injected: this.#injected,
      lastClass: this.#lastClass,
    };
  }
}
