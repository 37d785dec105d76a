import type { Charge } from './budget.ts';
import { currencyCode } from './currency-code.ts';
import type { RulePlan } from './rule-plan.ts';

// Upstreams forget a key after about a day, and then the call acts again.
const FREE_MS = 24 * 3_600_000;

/** One place for a reservation, used again and again: what a call holds of which counters, in parallel lists. */
export class Entry {
  /** Of the current use; another one after the entry was given back. */
  id: number;
  inUse = false;
  /** Slots of the accounts whose counters it may hold; -1 for no agent. */
  session = -1;
  agent = -1;
  /** First words of the accounts, by scope. */
  readonly byScope: [session: number, agent: number, sidecar: number] = [0, 0, 0];
  ofAgent = false;
  ofSidecar = false;
  agentNumber = 0;
  /** Of the agent's account. */
  agentGeneration = 0;
  /** First word of what the home reads of it, in a thread that is not the home; 0 without one. */
  block = 0;
  /** The call was neither allowed nor denied yet. */
  undecided = false;
  committed = false;
  /** What it holds is what the store knows of as spent. */
  covered = false;
  countsBytes = false;
  countsInFlight = false;
  /** Something it holds would not be charged again to a call with the same digest. */
  isIdempotent = false;
  /** Counters held. */
  count = 0;
  plans: RulePlan[] = [];
  /** First words of the counters. */
  at = new Uint32Array(8);
  amounts = new Float64Array(8);
  /** Of the call, for the totals of the session: minor units, and the currency as a number (0 for none). */
  isReadable = false;
  amount = 0;
  currency = 0;
  idempotencyHeader: string | undefined = undefined;
  /** Of the key of the call and its header: 16 bytes of a digest. */
  digest: Uint32Array | undefined = undefined;
  /** Milliseconds since a call with that digest was charged; -1 where none is known. */
  repeatAgeMs = -1;

  constructor(id: number) {
    this.id = id;
  }

  /** Takes over what a call would use. */
  begin(charge: Charge): void {
    const { amount, currency } = charge;
    this.isReadable =
      amount !== undefined && currency !== undefined && amount >= 0 && Number.isSafeInteger(amount);
    this.amount = this.isReadable && amount !== undefined ? amount : 0;
    this.currency = this.isReadable ? currencyCode(currency) : 0;
    this.idempotencyHeader = charge.idempotency === undefined ? undefined : charge.idempotencyHeader;
    this.digest = undefined;
    this.repeatAgeMs = -1;
    this.undecided = true;
    this.committed = false;
    this.covered = false;
    this.count = 0;
    this.countsBytes = false;
    this.countsInFlight = false;
    this.isIdempotent = false;
  }

  add(plan: RulePlan, at: number, amount: number): void {
    const { count } = this;
    if (count === this.at.length) this.#grow();
    this.plans[count] = plan;
    this.at[count] = at;
    this.amounts[count] = amount;
    this.count = count + 1;
    if (plan.isPlain) return;
    if (plan.isBytes) this.countsBytes = true;
    if (plan.isInFlight) this.countsInFlight = true;
    if (this.isFreeAgain(plan)) this.isIdempotent = true;
  }

  /** Whether a rule counts a call under this one's key once. */
  isFreeAgain(plan: RulePlan): boolean {
    return this.idempotencyHeader !== undefined && plan.idempotencyHeader === this.idempotencyHeader;
  }

  /** Whether a rule has counted a call under this one's key, so long ago at most that the charge is in its window still. */
  isRepeatFor(plan: RulePlan): boolean {
    const { repeatAgeMs } = this;
    if (repeatAgeMs === -1 || !this.isFreeAgain(plan)) return false;
    return repeatAgeMs < (plan.windowMs === 0 ? FREE_MS : Math.min(FREE_MS, plan.windowMs));
  }

  #grow(): void {
    const at = new Uint32Array(this.at.length * 2);
    at.set(this.at);
    this.at = at;
    const amounts = new Float64Array(at.length);
    amounts.set(this.amounts);
    this.amounts = amounts;
  }
}

const INDICES = 65_536;

/**
 * The reservations outstanding, at most 65,536. They belong to the thread that made them.
 *
 * An id is generation × 65,536 + index. INVARIANT: the generation grows whenever an entry is given back, so an id names
 * one reservation for ever, and a stale one names none.
 */
export class Reservations {
  readonly #entries: Entry[] = [];
  readonly #free: Entry[] = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = Math.min(max, INDICES);
  }

  /** The entry that `occupy` takes, or undefined where all are taken. */
  peek(): Entry | undefined {
    const free = this.#free.at(-1);
    if (free !== undefined || this.#entries.length >= this.#max) return free;
    const entry = new Entry(this.#entries.length);
    this.#entries.push(entry);
    this.#free.push(entry);
    return entry;
  }

  /** Takes the entry that `peek` gave. */
  occupy(): void {
    const entry = this.#free.pop();
    if (entry !== undefined) entry.inUse = true;
  }

  find(id: number): Entry | undefined {
    // By hand: `%` of numbers beyond 2^31 is slow.
    const entry = this.#entries[id - Math.floor(id / INDICES) * INDICES];
    return entry?.id === id && entry.inUse ? entry : undefined;
  }

  giveBack(entry: Entry): void {
    entry.id += INDICES;
    entry.inUse = false;
    this.#free.push(entry);
  }

  /** Those in use. */
  *outstandingEntries(): Generator<Entry> {
    for (const entry of this.#entries) if (entry.inUse) yield entry;
  }

  get outstanding(): number {
    return this.#entries.length - this.#free.length;
  }
}
