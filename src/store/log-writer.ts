import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import {
  canonicalize,
  EventIds,
  formatVerifierKey,
  HASH_BYTES,
  MAX_LINE_BYTES,
  MerkleTree,
  MonotonicClock,
  NOTE_END,
  NotCanonical,
  signCheckpoint,
  StateUnusable,
} from '@firma/core';
import type { Checkpoint, GapRecord, KeyRecord, NoteSigner, RecoveryRecord } from '@firma/core';
import { systemClock } from '../wall-clock.ts';
import { AppendFile } from './append-file.ts';
import { sha256 } from './ed25519.ts';
import { openExistingLog } from './existing-log.ts';
import type { ExistingLog } from './existing-log.ts';
import { CHECKPOINTS_FILE, eventsFile, hashesFile } from './log-files.ts';
import { SeqPlace } from './seq-place.ts';

/** A checkpoint is signed at every so many records, whatever the time. */
const RECORDS_PER_CHECKPOINT = 1_000;
const NEWLINE = 0x0a;
const CLOSE_BRACE = 0x7d;
/** What a leaf's hash begins with (RFC 6962 §2.1). */
const LEAF_PREFIX = 0x00;
/** One byte before the first staged line, for its leaf prefix. */
const FIRST_LINE = 1;
/** `"seq":`, 16 digits, a comma and a newline. */
const MAX_SEQ_BYTES = 24;

export interface LogWriterOptions {
  /** Exists, and is this process's alone: see `lockRun`. */
  readonly runDir: string;
  /** Names the log in its checkpoints. */
  readonly origin: string;
  readonly sidecarId: string;
  readonly signer: NoteSigner;
}

/** Records the writer itself makes. */
type OwnRecord =
  | Pick<GapRecord, 'kind' | 'lost'>
  | Pick<KeyRecord, 'kind' | 'kid' | 'public_key'>
  | Pick<RecoveryRecord, 'kind' | 'discarded_bytes' | 'records' | 'uncovered'>;

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Numbers records, puts them on disk and signs checkpoints over them.
 *
 * `add` stages, `write` hands everything staged to the system, `sync` waits for the disk and signs.
 * INVARIANT: a checkpoint is written only over records that are on disk.
 */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #tree: MerkleTree;
  readonly #events: AppendFile;
  readonly #hashes: AppendFile;
  readonly #checkpoints: AppendFile;
  readonly #ids = new EventIds(randomBytes);
  readonly #clock = new MonotonicClock(systemClock());
  #lines = Buffer.allocUnsafe(4 * MAX_LINE_BYTES);
  /** Where the staged lines end. */
  #end = FIRST_LINE;
  readonly #place = new SeqPlace();
  #leaves: Uint8Array[] = [];
  #due: Checkpoint[] = [];
  #writtenSize: number;
  #signedSize: number;

  private constructor(options: LogWriterOptions, existing: ExistingLog | undefined) {
    this.#options = options;
    this.#tree = existing?.tree ?? new MerkleTree(sha256);
    const { size } = this.#tree;
    const open = (name: string, length: number): AppendFile =>
      new AppendFile(join(options.runDir, name), length);
    this.#events = open(eventsFile(0), existing?.eventBytes ?? 0);
    this.#hashes = open(hashesFile(0), size * HASH_BYTES);
    this.#checkpoints = open(CHECKPOINTS_FILE, existing?.checkpointBytes ?? 0);
    this.#writtenSize = size;
    this.#signedSize = size - (existing?.uncovered ?? 0);
  }

  /**
   * Opens the log of a run directory, or begins one with its `key` record; either way everything in it is on disk
   * and under a checkpoint afterwards.
   *
   * @throws StateUnusable where there is a log that cannot be gone on with
   */
  static async open(options: LogWriterOptions): Promise<LogWriter> {
    const { runDir, signer, origin } = options;
    const existing = await openExistingLog(runDir, signer.key, origin);
    const log = new LogWriter(options, existing);
    if (existing === undefined) {
      const kid = `${signer.key.name}+${signer.key.hash}`;
      const publicKey = formatVerifierKey(signer.key).slice(kid.length + 1);
      log.addOwn({ kind: 'key', kid, public_key: publicKey });
    } else {
      log.addOwn({
        kind: 'recovery',
        discarded_bytes: existing.discardedBytes,
        records: existing.tree.size,
        uncovered: existing.uncovered,
      });
    }
    log.write();
    await log.sync(true);
    syncDirectory(runDir);
    return log;
  }

  /** Records handed to the system but not under a checkpoint yet. */
  get unsigned(): number {
    return this.#writtenSize - this.#signedSize;
  }

  /** Records under a checkpoint. */
  get signedSize(): number {
    return this.#signedSize;
  }

  /** Whether a checkpoint is due by the number of records. */
  get isCheckpointDue(): boolean {
    return this.#due.length > 0;
  }

  /**
   * Stages one record under the next number.
   *
   * @throws NotCanonical where it has no canonical form or is longer than a line may be; nothing is staged then
   */
  add(record: Readonly<Record<string, unknown>>): void {
    const text = canonicalize({ ...record, seq: this.#tree.size });
    // No UTF-16 unit takes more than three bytes.
    this.#reserve(3 * text.length + 1);
    const length = this.#lines.write(text, this.#end);
    if (length > MAX_LINE_BYTES) throw new NotCanonical(`a record is longer than ${MAX_LINE_BYTES} bytes`);
    this.#stage(length);
  }

  /**
   * Stages one record that is canonical but for its number, without reading it: the same bytes as `add`, in a quarter of
   * the time.
   *
   * @param line without its newline
   * @returns false where it is not plainly canonical: then `add` has to read it; nothing is staged
   */
  addCanonical(line: Uint8Array): boolean {
    const place = line.length + MAX_SEQ_BYTES <= MAX_LINE_BYTES ? this.#place.find(line) : -1;
    if (place < 0) return false;
    this.#reserve(line.length + MAX_SEQ_BYTES);
    const start = this.#end;
    const isLast = line[place] === CLOSE_BRACE;
    const member = isLast ? `,"seq":${this.#tree.size}` : `"seq":${this.#tree.size},`;
    this.#lines.set(line, start);
    this.#lines.copyWithin(start + place + member.length, start + place, start + line.length);
    this.#lines.write(member, start + place, 'latin1');
    this.#stage(line.length + member.length);
    return true;
  }

  /** Stages a record of the writer's own. */
  addOwn(record: OwnRecord): void {
    const now = this.#clock.nowMs();
    this.add({
      v: 1,
      event_id: this.#ids.next(now),
      time: this.#clock.rfc3339(now),
      sidecar_id: this.#options.sidecarId,
      ...record,
    });
  }

  /**
   * Hands everything staged to the system; after an error it is still staged, to be tried again.
   *
   * @throws the system's error, for a full disk or a limit
   */
  write(): void {
    if (this.#end > FIRST_LINE) {
      this.#events.append(this.#lines.subarray(FIRST_LINE, this.#end));
      this.#end = FIRST_LINE;
    }
    this.#writtenSize = this.#tree.size;
  }

  /**
   * Waits until everything written is on disk, then signs the checkpoints that are due.
   *
   * @param signAll also one over the last record, where none covers it yet
   * @throws StateUnusable where the disk fails: what it holds then is not known; the system's error where leaf hashes or a
   *   checkpoint cannot be written, which may be tried again
   */
  async sync(signAll: boolean): Promise<void> {
    const size = this.#writtenSize;
    const isWhole = this.#tree.size === size;
    if (signAll && isWhole && size > Math.max(this.#signedSize, this.#due.at(-1)?.size ?? 0)) {
      this.#due.push(this.#checkpoint());
    }
    try {
      await this.#events.sync();
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown error';
      throw new StateUnusable(`cannot be synced (${why}); the log ends here`, {
        file: join(this.#options.runDir, eventsFile(0)),
      });
    }
    // Here and not with each batch: nobody looks at them before a checkpoint speaks for them.
    if (this.#leaves.length > 0) {
      this.#hashes.append(Buffer.concat(this.#leaves));
      this.#leaves = [];
    }
    const ready = this.#due.filter((checkpoint) => checkpoint.size <= size);
    let notes = '';
    for (const checkpoint of ready) {
      notes += (await signCheckpoint(checkpoint, this.#options.signer)) + NOTE_END;
    }
    if (notes === '') return;
    this.#checkpoints.append(Buffer.from(notes));
    this.#due = this.#due.filter((checkpoint) => checkpoint.size > size);
    this.#signedSize = ready.at(-1)?.size ?? this.#signedSize;
  }

  /** Writes, signs and syncs all that is left. @throws as `write` and `sync` */
  async finish(): Promise<void> {
    this.write();
    await this.sync(true);
    await this.#checkpoints.sync();
  }

  close(): void {
    this.#events.close();
    this.#hashes.close();
    this.#checkpoints.close();
  }

  #checkpoint(): Checkpoint {
    return { origin: this.#options.origin, size: this.#tree.size, root: this.#tree.root() };
  }

  /** Makes what stands at the end the next line. */
  #stage(length: number): void {
    const end = this.#end + length;
    // In place of the newline before it, while it is hashed.
    this.#lines[this.#end - 1] = LEAF_PREFIX;
    const leaf = sha256(this.#lines.subarray(this.#end - 1, end));
    this.#lines[this.#end - 1] = NEWLINE;
    this.#lines[end] = NEWLINE;
    this.#end = end + 1;
    this.#leaves.push(leaf);
    this.#tree.append(leaf);
    if (this.#tree.size % RECORDS_PER_CHECKPOINT === 0) this.#due.push(this.#checkpoint());
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#lines.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#end + bytes));
    this.#lines.copy(larger, 0, 0, this.#end);
    this.#lines = larger;
  }
}
