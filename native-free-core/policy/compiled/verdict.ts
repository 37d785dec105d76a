import type { PolicyVerdict } from '../port.ts';
import { denied, determinedBy, NO_IDS, NO_PERMIT } from '../verdict.ts';
import { DECLINED, type LinkedPolicy } from './linked-policy.ts';
import type { Visitor } from './policy-index.ts';
import type { QueryEnv } from './request-env.ts';

/** Up to so many, sorting by insertion is faster. */
const FEW = 32;

function byPosition(a: LinkedPolicy, b: LinkedPolicy): number {
  return a.position - b.position;
}

function insertionSorted(policies: LinkedPolicy[]): LinkedPolicy[] {
  for (let from = 1; from < policies.length; from += 1) {
    const policy = policies[from];
    if (policy === undefined) continue;
    let at = from;
    for (; at > 0; at -= 1) {
      const before = policies[at - 1];
      if (before === undefined || before.position <= policy.position) break;
      policies[at] = before;
    }
    policies[at] = policy;
  }
  return policies;
}

/** Policies that a query met, in the order it met them; it keeps its memory from one query to the next. */
class Met {
  readonly #policies: LinkedPolicy[] = [];
  count = 0;

  add(policy: LinkedPolicy): void {
    this.#policies[this.count] = policy;
    this.count += 1;
  }

  get only(): LinkedPolicy | undefined {
    return this.count === 1 ? this.#policies[0] : undefined;
  }

  /** Sorted as in the bundle: by id. */
  sorted(): readonly LinkedPolicy[] {
    const policies = this.#policies.slice(0, this.count);
    return policies.length > FEW ? policies.sort(byPosition) : insertionSorted(policies);
  }
}

function idOf(policy: LinkedPolicy): string {
  return policy.id;
}

/** Runs the policies that a query meets, and turns their answers into a verdict. It is used for one query after another. */
export class Tally implements Visitor<LinkedPolicy> {
  readonly #permits = new Met();
  readonly #forbids = new Met();
  readonly #errors = new Met();
  #env: QueryEnv | undefined;
  #declined = false;

  begin(env: QueryEnv): void {
    this.#permits.count = 0;
    this.#forbids.count = 0;
    this.#errors.count = 0;
    this.#declined = false;
    this.#env = env;
  }

  meet(policies: readonly LinkedPolicy[]): void {
    const env = this.#env;
    if (env === undefined) return;
    for (let index = 0; index < policies.length; index += 1) {
      const policy = policies[index];
      if (policy === undefined) continue;
      const answer = policy.run(env);
      if (answer === false) continue;
      if (answer === true) (policy.effect === 'permit' ? this.#permits : this.#forbids).add(policy);
      else if (answer === DECLINED) this.#declined = true;
      else this.#errors.add(policy);
    }
  }

  /** @returns undefined where a policy was met that only the reference engine can evaluate */
  end(): PolicyVerdict | undefined {
    this.#env = undefined;
    if (this.#declined) return undefined;
    const errors = this.#errors.count === 0 ? undefined : this.#errors.sorted().map(idOf);
    // A satisfied forbid is listed beside an error; what permitted determines nothing there.
    const allowed = this.#forbids.count === 0;
    if (errors !== undefined) {
      return allowed ? denied(errors) : determinedBy(false, this.#forbids.sorted(), errors);
    }
    const deciding = allowed ? this.#permits : this.#forbids;
    if (deciding.count === 0) return NO_PERMIT;
    return deciding.only?.alone ?? determinedBy(allowed, deciding.sorted(), NO_IDS);
  }
}
