/** What a call goes through here, in this order, and all of it together. */
export const CALL_STAGES = ['normalize', 'capability', 'policy', 'record', 'total'] as const;

export type CallStage = (typeof CALL_STAGES)[number];

/** Besides, `verify`: the signature and the claims of a token that is seen for the first time. */
export const STAGES = [...CALL_STAGES, 'verify'] as const;

export type Stage = (typeof STAGES)[number];

export const QUANTILES = ['p50', 'p99', 'p99.9'] as const;

export type Quantile = (typeof QUANTILES)[number];

const SHARE: Readonly<Record<Quantile, number>> = { p50: 0.5, p99: 0.99, 'p99.9': 0.999 };

/** Microseconds. */
export type Figures = Readonly<Record<Stage, Readonly<Record<Quantile, number>>>>;

export function isStage(word: string): word is Stage {
  return STAGES.some((stage) => stage === word);
}

export function isQuantile(word: string): word is Quantile {
  return QUANTILES.some((quantile) => quantile === word);
}

/** @param sorted ascending; NaN where it is empty */
export function quantileOf(sorted: Float64Array, quantile: Quantile): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * SHARE[quantile]))] ?? Number.NaN;
}

/** The middle one; of an even number the mean of the two. NaN where there is none. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** A value for each of some keys. */
export function eachOf<Key extends string, Value>(
  keys: readonly Key[],
  value: (key: Key) => Value,
): Record<Key, Value>;
export function eachOf(keys: readonly string[], value: (key: string) => unknown): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, value(key)]));
}

/** `12.3 µs`, `1.25 ms`: as many digits as say something. */
export function writtenUs(us: number): string {
  return us >= 1000 ? `${(us / 1000).toFixed(2)} ms` : `${shortUs(us)} µs`;
}

/** The number alone, of a column in microseconds. */
export function shortUs(us: number): string {
  return us >= 100 ? us.toFixed(0) : us >= 10 ? us.toFixed(1) : us.toFixed(2);
}
