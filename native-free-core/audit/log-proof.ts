import { CheckpointReader } from './checkpoint-file.ts';
import { openCheckpoint } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { LineSplitter } from './lines.ts';
import type { Chunks } from './lines.ts';
import { MAX_PROBLEMS } from './log-problem.ts';
import type { LogProblem } from './log-problem.ts';
import { equalBytes, leafHash, MerkleTree } from './merkle.ts';
import type { HashFunction } from './merkle.ts';
import { readRecordLine } from './record-line.ts';
import type { VerifierKey, VerifySignature } from './signed-note.ts';

export interface LogSource {
  /** The lines of every `events-<first seq>.jsonl`, in order. */
  readonly log: Chunks;
  /** The `checkpoints` file. */
  readonly checkpoints: Chunks;
  readonly verifierKey: VerifierKey;
  /** The note of a checkpoint of this log that was kept elsewhere. */
  readonly knownCheckpoint?: string | undefined;
  readonly sha256: HashFunction;
  readonly verify: VerifySignature;
}

/** What one pass over a log and its checkpoints shows. */
export interface LogProof {
  /** Every complete line and every checkpoint agree; only a torn end may still be there. */
  readonly intact: boolean;
  /** Over every complete line. */
  readonly tree: MerkleTree;
  /** Complete lines. */
  readonly records: number;
  readonly completeBytes: number;
  readonly tornBytes: number;
  /** The largest signed size whose root is the one of the lines. */
  readonly provenSize: number;
  /** The largest signed size. */
  readonly signedSize: number;
  /** Good checkpoints in the file. */
  readonly checkpoints: number;
  readonly checkpointBytes: number;
  readonly tornCheckpointBytes: number;
  /** The checkpoint kept elsewhere, where one was given and is good. */
  readonly known: Checkpoint | undefined;
  /** Absent without a good checkpoint. */
  readonly origin: string | undefined;
  /** What is wrong with checkpoints. Records are looked at by `locateProblems`. */
  readonly problems: readonly LogProblem[];
}

const checkpointProblem = (detail: string): LogProblem => ({
  seq: null,
  event_id: null,
  kind: 'checkpoint',
  detail,
});

class ProofPass {
  readonly #source: LogSource;
  readonly #reader: CheckpointReader;
  readonly #problems: LogProblem[] = [];
  readonly #tree: MerkleTree;
  #known: Checkpoint | undefined;
  #next: Checkpoint | undefined;
  #ignored = 0;
  #provenSize = 0;
  #intact = true;
  #knownAgrees = true;

  constructor(source: LogSource) {
    this.#source = source;
    this.#reader = new CheckpointReader(source.checkpoints, source.verifierKey, source.verify);
    this.#tree = new MerkleTree(source.sha256);
  }

  async run(onLeaf: ((leaf: Uint8Array) => void) | undefined): Promise<LogProof> {
    await this.#advance();
    await this.#openKnown();
    const splitter = new LineSplitter();
    for await (const chunk of this.#source.log) {
      for (const line of splitter.push(chunk)) {
        // Only what no signature speaks for has to speak for itself.
        if (this.#next === undefined) this.#checkUnsigned(line);
        const leaf = leafHash(line, this.#source.sha256);
        onLeaf?.(leaf);
        this.#tree.append(leaf);
        if (this.#tree.size === this.#next?.size) {
          this.#compare(this.#next);
          await this.#advance();
        }
        if (this.#tree.size === this.#known?.size) this.#knownAgrees = this.#compare(this.#known);
      }
    }
    while (this.#next !== undefined) {
      this.#intact = false;
      await this.#advance();
    }
    return this.#result(splitter);
  }

  #result(splitter: LineSplitter): LogProof {
    const { size } = this.#tree;
    if (this.#reader.count === 0) {
      this.#report('there is no good checkpoint, so nothing is proven');
    }
    const known = this.#known;
    if (known !== undefined) {
      if (!this.#knownAgrees && this.#provenSize >= known.size) {
        this.#report(
          `another log is signed for the first ${known.size} records: its root is not the known one`,
        );
      }
      if (known.size > size) this.#intact = false;
    }
    return {
      intact: this.#intact,
      tree: this.#tree,
      records: size,
      completeBytes: splitter.completeBytes,
      tornBytes: splitter.tornBytes,
      provenSize: this.#provenSize,
      signedSize: Math.max(this.#reader.last?.size ?? 0, known?.size ?? 0),
      checkpoints: this.#reader.count,
      checkpointBytes: this.#reader.end?.completeBytes ?? 0,
      tornCheckpointBytes: this.#reader.end?.tornBytes ?? 0,
      known,
      origin: this.#reader.last?.origin,
      problems: this.#problems,
    };
  }

  #report(detail: string): void {
    this.#intact = false;
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(checkpointProblem(detail));
  }

  async #openKnown(): Promise<void> {
    const note = this.#source.knownCheckpoint;
    if (note === undefined) return;
    const opened = await openCheckpoint(note, this.#source.verifierKey, this.#source.verify);
    if (!opened.ok) {
      this.#report(`the known checkpoint cannot be used: ${opened.detail}`);
      return;
    }
    const { checkpoint } = opened;
    const { origin } = this.#reader.last ?? checkpoint;
    if (checkpoint.origin === origin) this.#known = checkpoint;
    else this.#report(`the known checkpoint is of \`${checkpoint.origin}\`, this log is \`${origin}\``);
  }

  async #advance(): Promise<void> {
    for (;;) {
      const opened = await this.#reader.next();
      if (opened === undefined || opened.ok) {
        this.#next = opened?.checkpoint;
        return;
      }
      const position = this.#reader.count + this.#ignored + 1;
      this.#ignored += 1;
      this.#report(`checkpoint ${position} of the file cannot be used: ${opened.detail}`);
    }
  }

  #compare(checkpoint: Checkpoint): boolean {
    const agrees = equalBytes(this.#tree.root(), checkpoint.root);
    if (agrees) this.#provenSize = Math.max(this.#provenSize, checkpoint.size);
    else this.#intact = false;
    return agrees;
  }

  #checkUnsigned(line: Uint8Array): void {
    const record = readRecordLine(line);
    if (!record.wellFormed || record.seq !== this.#tree.size) this.#intact = false;
  }
}

/**
 * Reads a log once and compares the tree over its lines with every signed checkpoint.
 *
 * @param onLeaf called with the leaf hash of every line
 * Cost: one hash a record and about one more; memory does not grow with the log.
 */
export function proveLog(source: LogSource, onLeaf?: (leaf: Uint8Array) => void): Promise<LogProof> {
  return new ProofPass(source).run(onLeaf);
}
