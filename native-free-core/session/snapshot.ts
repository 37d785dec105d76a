import { ACTION_CLASSES } from '../registry/classes.ts';
import {
  CELL,
  COMMITTED,
  CURRENCIES,
  FLAG,
  HELD,
  LAST_CLASS,
  SESSION,
  smallIn,
  WORD,
} from './account-layout.ts';
import type { Scope } from './account-layout.ts';
import type { BudgetRule } from './budget.ts';
import { currencyOf } from './currency-code.ts';
import type { State } from './state.ts';

/** What policies and the record see of a session at one instant. The lists never change once handed out. */
export interface SessionSnapshot {
  readonly ageS: number;
  /** Calls allowed so far and reservations not decided yet, this call's included. */
  readonly calls: number;
  readonly denies: number;
  /** Classes and hosts of the calls allowed before this one. */
  readonly classes: readonly string[];
  /** Nothing fills it yet. */
  readonly tools: readonly string[];
  readonly hosts: readonly string[];
  /** Labels of the credentials injected so far. */
  readonly injected: readonly string[];
  /** Class of the last allowed call; empty before it. */
  readonly lastClass: string;
}

/** A session in a list. */
export interface SessionSummary {
  readonly handle: number;
  readonly iss: string;
  readonly sub: string;
  readonly sid: string;
  readonly startMs: number;
  readonly allows: number;
  readonly denies: number;
  /** Calls reserved and not released. */
  readonly openCalls: number;
  readonly lastClass: string;
  readonly abortReason: string | undefined;
}

/** What one budget counts of a session, its agent or the sidecar. */
export interface BudgetUse {
  readonly name: string;
  readonly kind: BudgetRule['kind'];
  readonly per: BudgetRule['per'];
  readonly limit: number;
  /** Undefined: as long as the account lives. */
  readonly windowMs: number | undefined;
  readonly committed: number;
  readonly held: number;
}

/** Everything that is known of a session. */
export interface SessionDetail extends SessionSummary {
  readonly classes: readonly string[];
  readonly hosts: readonly string[];
  readonly injected: readonly string[];
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Committed amounts of the first three currencies, in minor units. */
  readonly amounts: readonly { readonly currency: string; readonly amount: number }[];
  readonly budgets: readonly BudgetUse[];
}

const NOTHING: readonly string[] = Object.freeze([]);
const MAX_VIEWS = 4096;
const MAX_CLASS_LISTS = 4096;
const CELL_RANGE = 2 ** 32;

interface View {
  readonly handle: number;
  readonly version: number;
  readonly classes: readonly string[];
  readonly hosts: readonly string[];
  readonly injected: readonly string[];
}

/** Makes what is shown of sessions, and keeps the lists of the last ones that were asked for. In a turn of the session. */
export class Snapshots {
  readonly #state: State;
  readonly #views: (View | undefined)[];
  // Sessions that made the same kinds of calls share a list.
  readonly #classLists = new Map<number, readonly string[]>();

  constructor(state: State) {
    this.#state = state;
    this.#views = Array.from({ length: Math.min(MAX_VIEWS, state.pools[SESSION].max) }, () => undefined);
  }

  snapshot(slot: number, nowMs: number): SessionSnapshot {
    const { cells, words } = this.#state.memory;
    const word = this.#state.pools[SESSION].word(slot);
    const view = this.#view(slot, word);
    return {
      ageS: Math.max(0, Math.floor((nowMs - (words[word + WORD.startMs] ?? 0)) / 1000)),
      calls: (words[word + WORD.allows] ?? 0) + (cells[word * 2 + CELL.undecided] ?? 0),
      denies: words[word + WORD.denies] ?? 0,
      classes: view.classes,
      tools: NOTHING,
      hosts: view.hosts,
      injected: view.injected,
      lastClass: ACTION_CLASSES[smallIn(cells[word * 2 + CELL.flags] ?? 0, LAST_CLASS) - 1]?.name ?? '',
    };
  }

  summary(slot: number): SessionSummary {
    const { names, memory, pools, sids } = this.#state;
    const word = pools[SESSION].word(slot);
    const cell = word * 2;
    const isAborted = ((memory.cells[cell + CELL.flags] ?? 0) & FLAG.aborted) !== 0;
    return {
      handle: pools[SESSION].handle(slot),
      iss: names.text(memory.cells[cell + CELL.issuer] ?? 0),
      sub: names.text(memory.cells[cell + CELL.agent] ?? 0),
      sid: sids.read(memory.cells[cell + CELL.sid] ?? 0),
      startMs: memory.words[word + WORD.startMs] ?? 0,
      allows: memory.words[word + WORD.allows] ?? 0,
      denies: memory.words[word + WORD.denies] ?? 0,
      openCalls: memory.cells[cell + CELL.outstanding] ?? 0,
      lastClass: ACTION_CLASSES[smallIn(memory.cells[cell + CELL.flags] ?? 0, LAST_CLASS) - 1]?.name ?? '',
      abortReason: isAborted ? names.text(memory.cells[cell + CELL.abortReason] ?? 0) : undefined,
    };
  }

  /** @param agentSlot -1 where no rule is per agent */
  detail(slot: number, agentSlot: number): SessionDetail {
    const { memory, pools } = this.#state;
    const word = pools[SESSION].word(slot);
    const { classes, hosts, injected } = this.#view(slot, word);
    const amounts: { currency: string; amount: number }[] = [];
    for (let place = 0; place < CURRENCIES; place++) {
      const code = memory.cells[word * 2 + CELL.currencies + place] ?? 0;
      if (code === 0) continue;
      amounts.push({
        currency: currencyOf(code),
        amount: memory.words[word + WORD.amounts + place] ?? 0,
      });
    }
    const budgets = this.#uses(0, slot);
    if (agentSlot !== -1) budgets.push(...this.#uses(1, agentSlot));
    budgets.push(...this.#uses(2, 0));
    return {
      ...this.summary(slot),
      classes,
      hosts,
      injected,
      sentBytes: memory.words[word + WORD.sentBytes] ?? 0,
      receivedBytes: memory.words[word + WORD.receivedBytes] ?? 0,
      amounts,
      budgets,
    };
  }

  #uses(scope: Scope, slot: number): BudgetUse[] {
    const state = this.#state;
    const { words } = state.memory;
    const word = state.pools[scope].word(slot);
    const now = state.nowMs();
    state.begin(scope, slot);
    const uses = state.plansOf(scope, slot).map((plan) => {
      const at = state.counterAt(word, plan, now);
      const { name, kind, per, limit, windowMs } = plan.rule;
      const committed = at === 0 ? 0 : (words[at + COMMITTED] ?? 0);
      return {
        name,
        kind,
        per,
        limit,
        windowMs,
        committed,
        held: at === 0 ? 0 : (words[at + HELD] ?? 0),
      };
    });
    state.end(scope, slot);
    return uses;
  }

  #view(slot: number, word: number): View {
    const { hosts, injected, memory, pools } = this.#state;
    const cell = word * 2;
    const handle = pools[SESSION].handle(slot);
    const version = memory.cells[cell + CELL.view] ?? 0;
    const place = slot % this.#views.length;
    const known = this.#views[place];
    if (known !== undefined && known.handle === handle && known.version === version) return known;
    const view: View = {
      handle,
      version,
      classes: this.#classes(
        memory.cells[cell + CELL.classes] ?? 0,
        memory.cells[cell + CELL.classes + 1] ?? 0,
      ),
      hosts: hosts.size(cell) === 0 ? NOTHING : Object.freeze(hosts.list(cell)),
      injected: injected.size(cell) === 0 ? NOTHING : Object.freeze(injected.list(cell)),
    };
    this.#views[place] = view;
    return view;
  }

  #classes(low: number, high: number): readonly string[] {
    const bits = high * CELL_RANGE + low;
    let list = this.#classLists.get(bits);
    if (list === undefined) {
      const held = ACTION_CLASSES.filter(
        ({ index }) => (((index < 32 ? low : high) >>> (index & 31)) & 1) === 1,
      );
      list = Object.freeze(held.map(({ name }) => name as string).sort());
      if (this.#classLists.size >= MAX_CLASS_LISTS) this.#classLists.clear();
      this.#classLists.set(bits, list);
    }
    return list;
  }
}
