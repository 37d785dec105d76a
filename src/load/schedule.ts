/**
 * When each request of a run has to leave, whatever becomes of those before it (an open loop): evenly, request n at
 * n / rate. Times are milliseconds from the start.
 */
export class Schedule {
  readonly ratePerSecond: number;
  readonly durationMs: number;
  /** Requests in all. */
  readonly total: number;

  constructor(ratePerSecond: number, durationMs: number) {
    this.ratePerSecond = ratePerSecond;
    this.durationMs = durationMs;
    this.total = Math.max(1, Math.round((ratePerSecond * durationMs) / 1000));
  }

  dueAtMs(index: number): number {
    return (index * 1000) / this.ratePerSecond;
  }

  /** How many requests are due by then. Exactly those whose `dueAtMs` is not later. */
  dueBy(elapsedMs: number): number {
    if (elapsedMs < 0) return 0;
    let due = Math.floor((elapsedMs * this.ratePerSecond) / 1000) + 1;
    // Division and multiplication round apart at the edge.
    while (due > 0 && this.dueAtMs(due - 1) > elapsedMs) due--;
    while (this.dueAtMs(due) <= elapsedMs) due++;
    return Math.min(due, this.total);
  }
}
