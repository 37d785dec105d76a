import type { Mix } from './mix.ts';
import { type Random, seededRandom } from './random.ts';
import { Zipf } from './zipf.ts';

/**
 * Who calls what, call by call. The same mix, number of agents and seed make the same plan, so that the tokens a run
 * will need are known, and issued, before it begins.
 */
export class Plan {
  /** Of the call that `step` chose: who makes it, to which endpoint of the mix, and whether in a new session. */
  agent = 0;
  endpoint = 0;
  beginsSession = false;
  readonly #random: Random;
  readonly #mix: Mix;
  readonly #agents: Zipf;
  readonly #allowed: readonly number[];
  readonly #denied: readonly number[];
  readonly #allowedRanks: Zipf;
  readonly #deniedRanks: Zipf;
  /** Calls of each agent's session; 0 before its first. */
  readonly #calls: Uint32Array;

  constructor(mix: Mix, agents: number, seed: number) {
    this.#mix = mix;
    this.#random = seededRandom(seed);
    this.#agents = new Zipf(agents, mix.agents.zipf);
    this.#calls = new Uint32Array(agents);
    const places = mix.endpoints.map((_endpoint, index) => index);
    this.#allowed = places.filter((index) => mix.endpoints[index]?.denied === false);
    this.#denied = places.filter((index) => mix.endpoints[index]?.denied === true);
    this.#allowedRanks = new Zipf(Math.max(1, this.#allowed.length), mix.calls.zipf);
    this.#deniedRanks = new Zipf(Math.max(1, this.#denied.length), mix.calls.zipf);
  }

  /** Chooses the next call. No allocation. */
  step(): void {
    const { agents, calls } = this.#mix;
    this.agent = this.#agents.pick(this.#random);
    const isDenied = this.#random() < calls.denials;
    const ranks = isDenied ? this.#deniedRanks : this.#allowedRanks;
    const places = isDenied ? this.#denied : this.#allowed;
    this.endpoint = places[ranks.pick(this.#random)] ?? 0;
    const made = this.#calls[this.agent] ?? 0;
    const isCold = this.#random() < calls.coldTokens;
    this.beginsSession = made === 0 || made >= agents.callsPerSession || isCold;
    this.#calls[this.agent] = this.beginsSession ? 1 : made + 1;
  }
}

/**
 * How many sessions each agent of a plan begins in a number of calls.
 *
 * @param most sessions that are counted in all: those that begin later are not
 */
export function sessionsOf(plan: Plan, agents: number, calls: number, most: number): Uint32Array {
  const sessions = new Uint32Array(agents);
  let left = most;
  for (let call = 0; call < calls && left > 0; call++) {
    plan.step();
    if (!plan.beginsSession) continue;
    sessions[plan.agent] = (sessions[plan.agent] ?? 0) + 1;
    left--;
  }
  return sessions;
}
