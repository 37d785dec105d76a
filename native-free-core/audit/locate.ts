import { CheckpointReader } from './checkpoint-file.ts';
import { LineSplitter } from './lines.ts';
import { MAX_PROBLEMS } from './log-problem.ts';
import type { LogProblem, LogProblemKind } from './log-problem.ts';
import type { LogProof, LogSource } from './log-proof.ts';
import { equalBytes, HASH_BYTES, leafHash, MerkleTree } from './merkle.ts';
import { SeqRanges } from './seq-ranges.ts';
import { readRecordLine } from './record-line.ts';
import type { RecordLine } from './record-line.ts';

interface Suspect {
  /** Where it stands, by the lines around it. */
  readonly place: number;
  readonly line: RecordLine;
}

/** The signed sizes, ascending, with their roots. */
async function signedRoots(source: LogSource, proof: LogProof): Promise<Map<number, Uint8Array>> {
  const roots = new Map<number, Uint8Array>();
  const reader = new CheckpointReader(source.checkpoints, source.verifierKey, source.verify);
  for (let opened = await reader.next(); opened !== undefined; opened = await reader.next()) {
    if (opened.ok && opened.checkpoint.size > proof.provenSize) {
      roots.set(opened.checkpoint.size, opened.checkpoint.root);
    }
  }
  if (proof.known !== undefined) roots.set(proof.known.size, proof.known.root);
  return roots;
}

/** How many of the kept leaf hashes a signed root vouches for. */
function vouchedSize(hashes: Uint8Array, roots: ReadonlyMap<number, Uint8Array>, source: LogSource): number {
  const tree = new MerkleTree(source.sha256);
  let vouched = 0;
  for (let at = 0; at + HASH_BYTES <= hashes.length; at += HASH_BYTES) {
    tree.append(hashes.subarray(at, at + HASH_BYTES));
    const root = roots.get(tree.size);
    if (root !== undefined && equalBytes(tree.root(), root)) vouched = tree.size;
  }
  return vouched;
}

class LocatePass {
  readonly #source: LogSource;
  readonly #proof: LogProof;
  readonly #hashes: Uint8Array;
  readonly #vouched: number;
  readonly #problems: LogProblem[] = [];
  readonly #suspects: Suspect[] = [];
  readonly #missing = new SeqRanges();
  // The number the next line must have, and how many doubtful lines stand since the last sound one.
  #expected = 0;
  #doubtful = 0;

  constructor(source: LogSource, proof: LogProof, hashes: Uint8Array, vouched: number) {
    this.#source = source;
    this.#proof = proof;
    this.#hashes = hashes;
    this.#vouched = vouched;
  }

  async run(roots: ReadonlyMap<number, Uint8Array>): Promise<LogProblem[]> {
    const { provenSize, signedSize } = this.#proof;
    const splitter = new LineSplitter();
    let index = 0;
    for await (const chunk of this.#source.log) {
      for (const line of splitter.push(chunk)) {
        if (index < provenSize) this.#expected = index + 1;
        else this.#look(line);
        index += 1;
      }
      if (this.#problems.length + this.#suspects.length + this.#missing.count >= MAX_PROBLEMS) break;
    }
    if (this.#expected < signedSize) this.#missing.add(this.#expected, signedSize);
    this.#judgeSuspects();
    for (const { from, to } of this.#missing.all()) this.#reportRemoved(from, to);
    this.#reportUnlocated(roots);
    return this.#problems.sort((a, b) => (a.seq ?? -1) - (b.seq ?? -1));
  }

  #look(bytes: Uint8Array): void {
    const line = readRecordLine(bytes);
    const { seq } = line;
    if (seq === undefined || !this.#isSound(seq, line, bytes)) {
      this.#suspects.push({ place: this.#expected + this.#doubtful, line });
      this.#doubtful += 1;
      return;
    }
    this.#doubtful = 0;
    if (seq >= this.#expected) {
      if (seq > this.#expected) this.#missing.add(this.#expected, seq);
      this.#expected = seq + 1;
    } else if (this.#missing.take(seq)) {
      const before = this.#expected - 1;
      this.#report(seq, line.eventId, 'reordered', `record ${seq} stands after record ${before}`);
    } else {
      this.#report(seq, line.eventId, 'duplicated', `record ${seq} stands in the log more than once`);
    }
  }

  /** Whether a line may be the record it says it is: by its signed hash, else by its form alone. */
  #isSound(seq: number, line: RecordLine, bytes: Uint8Array): boolean {
    if (seq >= this.#vouched) return line.wellFormed;
    const signed = this.#hashes.subarray(seq * HASH_BYTES, (seq + 1) * HASH_BYTES);
    return equalBytes(leafHash(bytes, this.#source.sha256), signed);
  }

  #judgeSuspects(): void {
    for (const { place, line } of this.#suspects) {
      const { seq, eventId } = line;
      const changed =
        seq !== undefined && this.#missing.take(seq) ? seq : this.#missing.take(place) ? place : undefined;
      if (changed !== undefined) {
        this.#report(changed, eventId, 'changed', `record ${changed} is not the one that was signed`);
      } else if (place >= this.#expected) {
        this.#report(place, eventId, 'changed', `record ${place} is not a canonical record`);
      } else {
        this.#report(seq ?? null, eventId, 'inserted', `a line before record ${place} was never signed`);
      }
    }
  }

  #reportRemoved(from: number, to: number): void {
    const what = to - from === 1 ? `record ${from} is missing` : `records ${from} to ${to - 1} are missing`;
    this.#report(from, null, 'removed', what);
  }

  /** Where a root disagrees and no line looks wrong, all that is known is between which checkpoints it is. */
  #reportUnlocated(roots: ReadonlyMap<number, Uint8Array>): void {
    const from = Math.max(this.#proof.provenSize, this.#vouched);
    let to = this.#proof.signedSize;
    for (const size of roots.keys()) if (size > from && size < to) to = size;
    if (from >= to || this.#problems.some(({ seq }) => seq !== null && seq >= from && seq < to)) return;
    this.#report(
      from,
      null,
      'changed',
      `one or more of records ${from} to ${to - 1} are not those that were signed; which one cannot be told without their leaf hashes`,
    );
  }

  #report(seq: number | null, eventId: string | null, kind: LogProblemKind, detail: string): void {
    if (this.#problems.length < MAX_PROBLEMS) {
      this.#problems.push({ seq, event_id: eventId, kind, detail });
    }
  }
}

/**
 * Names the records of a log that does not verify, by a second look at its lines.
 *
 * What can be told depends on the leaf hashes kept beside the log: as far as a signed root vouches for them, each
 * record is judged by its own hash and named exactly. Without them numbering alone is judged (a gap, a repetition,
 * a wrong place, a line that is no record), and a change inside a record is narrowed to its checkpoint interval.
 *
 * @param hashes 32 bytes for each record from the first on; empty where none are kept
 */
export async function locateProblems(
  source: LogSource,
  proof: LogProof,
  hashes: Uint8Array,
): Promise<LogProblem[]> {
  const roots = await signedRoots(source, proof);
  const vouched = vouchedSize(hashes, roots, source);
  return new LocatePass(source, proof, hashes, vouched).run(roots);
}
