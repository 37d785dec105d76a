import type { WallClock } from '@firma/core';

// A step of the system's clock, or a machine that slept, shows as a difference of more than this.
const MAX_DRIFT_MS = 2;

/**
 * The system's wall clock with fractions of a millisecond: the monotonic timer, set again to the system's time
 * whenever the two part.
 */
export function systemClock(): WallClock {
  let offset = performance.timeOrigin;
  return () => {
    const precise = offset + performance.now();
    const coarse = Date.now();
    if (Math.abs(precise - coarse) <= MAX_DRIFT_MS) return precise;
    offset += coarse - precise;
    return coarse;
  };
}
