import { crc32 } from 'node:zlib';
import { open } from 'lmdb';
import type { RootDatabase } from 'lmdb';
import { StateFault } from './state-fault.ts';
import { KEY_BYTES } from './state-frames.ts';

/** Of the entries: what the format file of the state directory says is not repeated here. */
const FORMAT = 1;
const CHECKSUM_BYTES = 4;
/** Shorter than every account's key. */
const META_KEY = Buffer.from([0]);

interface StateDatabaseOptions {
  /** Exists, is this process's alone, and was looked at by `prepareStore`. */
  readonly dir: string;
  /**
   * `always`: a batch is on disk when `save` returns. `checkpoint`: a killed process loses nothing, but a power cut before
   * the next `sync` may leave pages that do not fit together; the next start sees it and is refused.
   */
  readonly fsync: 'checkpoint' | 'always';
}

export interface Entry {
  /** 16 bytes. */
  readonly key: Buffer;
  readonly record: Uint8Array;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}

/** Whether it is the system's error, of a disk that is full or a file that may not be written: lmdb's are below zero. */
function isOfSystem(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && (typeof error.code === 'string' || Number(error.code) > 0)
  );
}

/** The checksum covers the key, so that a record that is found under another one is not believed. */
function checksum(key: Uint8Array, record: Uint8Array): number {
  return crc32(record, crc32(key));
}

function seal({ key, record }: Entry): Buffer {
  const value = Buffer.allocUnsafe(CHECKSUM_BYTES + record.length);
  value.writeUInt32LE(checksum(key, record), 0);
  value.set(record, CHECKSUM_BYTES);
  return value;
}

/** @returns undefined where the checksum does not fit */
function unseal(key: Uint8Array, value: Buffer): Buffer | undefined {
  if (value.length < CHECKSUM_BYTES) return undefined;
  const record = value.subarray(CHECKSUM_BYTES);
  return checksum(key, record) === value.readUInt32LE(0) ? record : undefined;
}

/**
 * The lmdb environment that holds what sessions have used.
 *
 * Only synchronous transactions: where the writing thread of lmdb-js cannot begin one, promises never settle and a lock
 * is never given back.
 * Memory of dirty pages is zeroed (`noMemInit` is off), so nothing of this process gets into the file.
 */
export class StateDatabase {
  readonly #options: StateDatabaseOptions;
  #db: RootDatabase<Buffer, Buffer>;
  #isOpen = true;
  #hasFailed = false;

  private constructor(options: StateDatabaseOptions) {
    this.#options = options;
    this.#db = this.#openEnvironment();
  }

  /**
   * Opens the store or begins one, and reads every record once: 100,000 of 400 bytes take 0.2 s.
   *
   * @throws StateFault where it is damaged, of a newer format, or cannot be written
   */
  static async open(options: StateDatabaseOptions): Promise<StateDatabase> {
    let database: StateDatabase | undefined;
    try {
      database = new StateDatabase(options);
      database.#check();
      database.save([{ key: META_KEY, record: Buffer.from([FORMAT]) }]);
      return database;
    } catch (error) {
      await database?.close();
      if (error instanceof StateFault) throw error;
      throw new StateFault(`cannot be opened (${messageOf(error)})`, !isOfSystem(error));
    }
  }

  /** Whether a batch could not be written: `reopen` before the next one. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /**
   * What was saved last under a key; undefined where nothing was.
   *
   * @throws StateFault for a record that is damaged, lmdb's error for a page
   */
  load(key: Buffer): Buffer | undefined {
    this.#assertOpen();
    const value = this.#db.getBinary(key);
    if (value === undefined) return undefined;
    const record = unseal(key, value);
    if (record === undefined) throw new StateFault('is damaged: a record fails its checksum');
    return record;
  }

  /**
   * Writes all entries or none, in one transaction.
   *
   * @throws lmdb's or the system's error: nothing of the batch is in the store then
   */
  save(entries: readonly Entry[]): void {
    this.#assertOpen();
    try {
      this.#db.transactionSync(() => {
        for (const entry of entries) this.#db.putSync(entry.key, seal(entry));
      });
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
  }

  /**
   * Opens the environment anew: after an error of the disk lmdb may refuse every further transaction, and lmdb-js does
   * not look whether one has begun.
   *
   * @throws lmdb's or the system's error; it may be tried again
   */
  async reopen(): Promise<void> {
    await this.close();
    this.#db = this.#openEnvironment();
    this.#isOpen = true;
    this.#hasFailed = false;
  }

  /** Resolves once everything saved is on disk. Rejects with the system's error. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      // The types of lmdb-js do not know it.
      const sync: unknown = Reflect.get(this.#db, 'sync');
      if (typeof sync !== 'function') throw new StateFault('has a version of lmdb without `sync`');
      sync.call(this.#db, (error: unknown) => {
        if (error === undefined || error === null) resolve();
        else reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#db.close();
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new StateFault('is not open');
  }

  #openEnvironment(): RootDatabase<Buffer, Buffer> {
    return open<Buffer, Buffer>({
      path: this.#options.dir,
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
      // Never changed between runs: it adds a third meta page that only it keeps up to date.
      overlappingSync: false,
      noSync: this.#options.fsync === 'checkpoint',
      maxDbs: 0,
    });
  }

  #check(): void {
    const meta = this.#db.getBinary(META_KEY);
    if (meta !== undefined) {
      const format = unseal(META_KEY, meta)?.[0];
      if (format === undefined) throw new StateFault('is damaged: its format record fails its checksum');
      if (format > FORMAT) {
        throw new StateFault(`has format ${format}, newer than this version knows (${FORMAT})`);
      }
    }
    for (const { key, value } of this.#db.getRange({})) {
      if (meta !== undefined && key.length === META_KEY.length) continue;
      if (meta === undefined || key.length !== KEY_BYTES || unseal(key, value) === undefined) {
        throw new StateFault('is damaged: a record fails its checksum');
      }
    }
  }
}
