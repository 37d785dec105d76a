/** Where accounts outlive the process. What crosses it is opaque to the store. */
export interface StateStore {
  /** What was saved last under that key (32 hex digits), or undefined. Rejects where the store cannot be read. */
  load(key: string): Promise<Uint8Array | undefined>;
  /** Resolves once a crash of this process no longer loses it. In order of calls for a key. Rejects where it cannot be written. */
  save(key: string, record: Uint8Array): Promise<void>;
}

/** What a save needs of an account, named by a number. */
export interface SaveSource {
  key(account: number): string;
  /** The record as it is now. Called right before it goes to the store. */
  record(account: number, exact: boolean): Uint8Array;
  /** Whether a save that nobody waits for would still help. */
  isWanted(account: number): boolean;
  ended(account: number, saved: boolean): void;
  failed(detail: string): void;
}

interface Waiter {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Job {
  /** Somebody saw that a save would help. */
  isPrefetch: boolean;
  /** Who waits for a save that has not begun. */
  waiter: Waiter | undefined;
  isExact: boolean;
}

function waiterOf(): Waiter {
  let resolve = (): void => {};
  let reject = (_error: unknown): void => {};
  const promise = new Promise<void>((accept, refuse) => {
    resolve = accept;
    reject = refuse;
  });
  // A save that nobody waits for may fail.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/**
 * Saves of accounts: one under way each, and the next one holds everything that changed since. Those asked for in one turn
 * begin together, after it.
 */
export class Saves {
  readonly #store: StateStore;
  readonly #source: SaveSource;
  readonly #jobs = new Map<number, Job>();
  #due: number[] = [];

  constructor(store: StateStore, source: SaveSource) {
    this.#store = store;
    this.#source = source;
  }

  /** Whether a save of that account is under way or asked for. */
  has(account: number): boolean {
    return this.#jobs.has(account);
  }

  /** Asks for a save that nobody waits for: it is dropped where it no longer helps. */
  prefetch(account: number): void {
    this.#job(account).isPrefetch = true;
  }

  /**
   * Saves an account as it is now or later.
   *
   * @param exact nothing drawn ahead, unless somebody else needs that
   * @returns a promise that rejects where that save fails
   */
  save(account: number, exact: boolean): Promise<void> {
    const job = this.#job(account);
    if (!exact) job.isExact = false;
    job.waiter ??= waiterOf();
    return job.waiter.promise;
  }

  #job(account: number): Job {
    let job = this.#jobs.get(account);
    if (job === undefined) {
      job = { isPrefetch: false, waiter: undefined, isExact: true };
      this.#jobs.set(account, job);
      if (this.#due.push(account) === 1) void Promise.resolve().then(() => this.#beginDue());
    }
    return job;
  }

  #beginDue(): void {
    const due = this.#due;
    this.#due = [];
    for (const account of due) {
      const job = this.#jobs.get(account);
      if (job !== undefined) this.#begin(account, job);
    }
  }

  #begin(account: number, job: Job): void {
    const { waiter } = job;
    const isWanted = job.isPrefetch && this.#source.isWanted(account);
    const isExact = job.isExact && !isWanted;
    if (waiter === undefined && !isWanted) {
      this.#jobs.delete(account);
      return;
    }
    job.isPrefetch = false;
    job.waiter = undefined;
    job.isExact = true;
    void this.#write(account, job, waiter, isExact);
  }

  async #write(account: number, job: Job, waiter: Waiter | undefined, isExact: boolean): Promise<void> {
    try {
      await this.#store.save(this.#source.key(account), this.#source.record(account, isExact));
    } catch (error) {
      this.#ended(account, job, false);
      this.#source.failed(error instanceof Error ? error.message : 'the store does not answer');
      waiter?.reject(error);
      return;
    }
    this.#ended(account, job, true);
    waiter?.resolve();
  }

  #ended(account: number, job: Job, saved: boolean): void {
    this.#source.ended(account, saved);
    // After a failure only those who wait try again: the next call does.
    if (job.waiter !== undefined || (saved && job.isPrefetch)) this.#begin(account, job);
    else this.#jobs.delete(account);
  }
}
