/**
 * What is wrong with a state store, as the end of `the state store …`. The thread of the store throws it and the writer
 * process makes a StateUnusable of it: loading `@firma/core` there too would make every start 0.1 s longer.
 */
export class StateFault extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'StateFault';
  }
}
