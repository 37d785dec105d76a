/**
 * What is wrong with a state store, as the end of `the state store …`. The thread of the store throws it and the writer
 * process makes a StateUnusable of it: loading `@firma/core` there too would make every start 0.1 s longer.
 */
export class StateFault extends Error {
  /** Whether it is the store itself that cannot be gone on with, and not the disk or the system around it. */
  readonly isDamaged: boolean;

  constructor(what: string, isDamaged = true) {
    super(what);
    this.name = 'StateFault';
    this.isDamaged = isDamaged;
  }
}
