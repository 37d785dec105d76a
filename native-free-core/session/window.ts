// A sliding window: 33 sums in a ring, 32 full steps of a 32nd of the window and the running one. A charge is counted
// with its step and leaves with it: at the earliest one window after it was made, at the latest a 32nd later.

const STEPS = 32;
const RING = STEPS + 1;

// Words of a block. The first four are those of every counter.
const TOTAL = 0;
const STEP = 4;
const INDEX = 5;
const SUMS = 6;

/** Words of a window's block: 312 bytes. */
export const WINDOW_WORDS = SUMS + RING;
/** Of a token's rule: its limit, which a later token may make smaller, is behind it. */
export const TOKEN_WINDOW_WORDS = WINDOW_WORDS + 1;

/** The step an instant lies in. Exact for whole milliseconds: both factors are integers below 2^53. */
export function stepAt(windowMs: number, nowMs: number): number {
  return Math.floor((nowMs * STEPS) / windowMs);
}

/** Begins a window in an empty block. */
export function beginWindow(words: Float64Array, at: number, step: number): void {
  words[at + STEP] = step;
}

/** Takes a window to a step: what is older than its length is free. An earlier step than the last changes nothing. */
export function advanceWindow(words: Float64Array, at: number, step: number): void {
  const from = words[at + STEP] ?? 0;
  if (step <= from) return;
  words[at + STEP] = step;
  if (step - from >= RING) {
    words[at + TOTAL] = 0;
    words.fill(0, at + SUMS, at + SUMS + RING);
    return;
  }
  let index = words[at + INDEX] ?? 0;
  let total = words[at + TOTAL] ?? 0;
  for (let left = step - from; left > 0; left--) {
    index = index === RING - 1 ? 0 : index + 1;
    total -= words[at + SUMS + index] ?? 0;
    words[at + SUMS + index] = 0;
  }
  words[at + INDEX] = index;
  words[at + TOTAL] = total;
}

/** Charges the running step. */
export function addToWindow(words: Float64Array, at: number, amount: number): void {
  words[at + TOTAL] = (words[at + TOTAL] ?? 0) + amount;
  const running = at + SUMS + (words[at + INDEX] ?? 0);
  words[running] = (words[running] ?? 0) + amount;
}

/** The instant, in milliseconds, at which so much is free that is charged now; undefined where it is not charged. */
export function freedAtMs(
  words: Float64Array,
  at: number,
  windowMs: number,
  amount: number,
): number | undefined {
  let free = 0;
  for (let ahead = 1; ahead <= RING; ahead++) {
    free += sumAt(words, at, RING - ahead);
    if (free >= amount) return (((words[at + STEP] ?? 0) + ahead) * windowMs) / STEPS;
  }
  return undefined;
}

/** What was charged so many steps before the running one (0 to 32). */
export function sumAt(words: Float64Array, at: number, back: number): number {
  return words[at + SUMS + (((words[at + INDEX] ?? 0) - back + RING) % RING)] ?? 0;
}

/** A window as it is saved: the running step, and what each live step before it holds, as [steps back, sum]. */
export interface WindowSums {
  readonly step: number;
  readonly sums: readonly (readonly [back: number, sum: number])[];
}

export function windowSums(words: Float64Array, at: number): WindowSums {
  const sums: [number, number][] = [];
  for (let back = 0; back < RING; back++) {
    const sum = sumAt(words, at, back);
    if (sum !== 0) sums.push([back, sum]);
  }
  return { step: words[at + STEP] ?? 0, sums };
}

/** What of a saved window is live at an instant, in whatever step. */
export function liveSum(saved: WindowSums, windowMs: number, nowMs: number): number {
  const now = stepAt(windowMs, nowMs);
  let live = 0;
  for (const [back, sum] of saved.sums) if (now - (saved.step - back) < RING) live += sum;
  return live;
}

/** Fills an empty block from what was saved. */
export function restoreWindow(words: Float64Array, at: number, saved: WindowSums): void {
  beginWindow(words, at, saved.step);
  for (const [back, sum] of saved.sums) {
    words[at + SUMS + ((RING - back) % RING)] = sum;
    words[at + TOTAL] = (words[at + TOTAL] ?? 0) + sum;
  }
}
