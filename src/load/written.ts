/** Milliseconds with about three digits that mean something. */
export function writtenMs(ms: number): string {
  if (ms >= 100) return ms.toFixed(0);
  return ms.toFixed(ms >= 10 ? 1 : ms >= 1 ? 2 : 3);
}

/** A count with its thousands apart. */
export function writtenCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** A part of a whole in per cent; empty where the whole is nothing. */
export function writtenShare(part: number, whole: number): string {
  return whole === 0 ? '' : `${((part / whole) * 100).toFixed(2)} %`;
}
