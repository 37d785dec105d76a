import type { StateStore } from '../../native-free-core/session/table.ts';

interface Pending {
  readonly key: string;
  readonly record: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A store in memory whose saves wait, fail, or are lost with the process, as the test says. */
export class MemoryStore implements StateStore {
  readonly records: Map<string, Uint8Array>;
  readonly pending: Pending[] = [];
  mode: 'at once' | 'wait' | 'fail' = 'at once';
  saves = 0;

  constructor(records: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.records = new Map(records);
  }

  load(key: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.records.get(key));
  }

  save(key: string, record: Uint8Array): Promise<void> {
    this.saves += 1;
    if (this.mode === 'fail') return Promise.reject(new Error('the disk is full'));
    if (this.mode === 'at once') {
      this.records.set(key, record);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => this.pending.push({ key, record, resolve, reject }));
  }

  /** Ends the oldest save that waits. @param written whether a failed one reached the disk all the same */
  settle(saved: boolean, written = saved): void {
    const next = this.pending.shift();
    if (next === undefined) return;
    if (written) this.records.set(next.key, next.record);
    if (saved) next.resolve();
    else next.reject(new Error('the disk is full'));
  }

  /** What a crash leaves: everything saved, and so many of the saves that nobody was told of. */
  crashed(written: number): MemoryStore {
    const left = new MemoryStore(this.records);
    for (const { key, record } of this.pending.slice(0, written)) left.records.set(key, record);
    return left;
  }
}

/** Lets everything run that waits for nothing but its turn. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
