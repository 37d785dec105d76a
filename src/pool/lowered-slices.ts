import { setImmediate as nextTurn } from 'node:timers/promises';

const SLICE_MS = 1;

/**
 * Takes steps while the thread goes on deciding: about a millisecond of them, then the event loop turns.
 *
 * @param steps none longer than about half a millisecond
 */
export async function inSlices<T>(steps: Iterator<undefined, T, undefined>): Promise<T> {
  let until = performance.now() + SLICE_MS;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() < until) continue;
    await nextTurn();
    until = performance.now() + SLICE_MS;
  }
}

/** Takes all steps at once. */
export function atOnce<T>(steps: Iterator<undefined, T, undefined>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
