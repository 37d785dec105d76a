// How much the machine itself adds to a duration: a loop of fixed work, run beside every measured call. On a machine that
// does nothing else it takes the same time every time; what its p99 lies above its median is the machine's noise.

function spin(turns: number): number {
  let value = turns;
  for (let turn = 0; turn < turns; turn++) value = (Math.imul(value, 31) + turn) | 0;
  return value;
}

function timed(turns: number): number {
  const startedAt = performance.now();
  const value = spin(turns);
  const took = performance.now() - startedAt;
  // Never true; it keeps the loop from being optimised away.
  return value === 0.5 ? 0 : took;
}

function quantile(samples: number[], share: number): number {
  samples.sort((left, right) => left - right);
  return samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? 0;
}

export class Yardstick {
  readonly #turns: number;
  readonly #samples: number[] = [];

  /** @param lengthMs about how long one run takes: as long as what it stands beside */
  constructor(lengthMs: number) {
    const trial = 20_000;
    const trials = Array.from({ length: 50 }, () => timed(trial));
    this.#turns = Math.max(1, Math.round((lengthMs / quantile(trials, 0.5)) * trial));
  }

  run(): void {
    this.#samples.push(timed(this.#turns));
  }

  /** Milliseconds that p99 lies above the median. */
  noiseMs(): number {
    return quantile(this.#samples, 0.99) - quantile(this.#samples, 0.5);
  }
}
