import { HASH_BYTES, MerkleTree } from '@firma/core';
import { sha256 } from '../store/ed25519.ts';

/** Leaves of the smallest subtree whose root is kept. */
const CHUNK = 256;

/** Reads the leaf hashes from `start` up to, not with, `end`: 32 bytes each. */
export type ReadLeaves = (start: number, end: number) => Uint8Array;

class HashList {
  #bytes = new Uint8Array(HASH_BYTES * 64);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  at(index: number): Uint8Array {
    return this.#bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  }

  push(hash: Uint8Array): void {
    if ((this.#count + 1) * HASH_BYTES > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(hash, this.#count * HASH_BYTES);
    this.#count += 1;
  }
}

function parentOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new MerkleTree(sha256);
  pair.append(left);
  pair.append(right);
  return pair.root();
}

/** The largest power of two below `count`, which is at least 2: where RFC 6962 splits a tree. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/**
 * Roots and inclusion proofs over the leaf hashes of a growing file (RFC 6962 §2.1).
 *
 * The roots of all complete subtrees of 256 leaves and more are kept: a byte for every four records. With them an answer
 * costs at most some 800 hashes, however long the log is; the first one reads all leaves once.
 */
export class LeafTree {
  readonly #read: ReadLeaves;
  /** By height: the roots of subtrees of 256, 512, 1,024, … leaves. */
  readonly #levels: HashList[] = [new HashList()];

  constructor(read: ReadLeaves) {
    this.#read = read;
  }

  /** The root over the first `size` leaves, which the file has. */
  root(size: number): Uint8Array {
    this.#extend(size);
    return this.#rootOf(0, size);
  }

  /** The proof that leaf `index` is in the tree of the first `size`; after `root(size)`. */
  inclusion(index: number, size: number): Uint8Array[] {
    const proof: Uint8Array[] = [];
    let start = 0;
    let end = size;
    while (end - start > 1) {
      const split = start + splitOf(end - start);
      const isLeft = index < split;
      proof.push(isLeft ? this.#rootOf(split, end) : this.#rootOf(start, split));
      if (isLeft) end = split;
      else start = split;
    }
    return proof.toReversed();
  }

  /** Forgets what it read. */
  clear(): void {
    this.#levels.splice(0, Infinity, new HashList());
  }

  #extend(size: number): void {
    const chunks = this.#levels[0];
    if (chunks === undefined) return;
    for (let chunk = chunks.count; (chunk + 1) * CHUNK <= size; chunk++) {
      this.#push(0, this.#rootOfLeaves(chunk * CHUNK, (chunk + 1) * CHUNK));
    }
  }

  #push(height: number, hash: Uint8Array): void {
    const level = (this.#levels[height] ??= new HashList());
    level.push(hash);
    if (level.count % 2 === 0) {
      this.#push(height + 1, parentOf(level.at(level.count - 2), level.at(level.count - 1)));
    }
  }

  #rootOf(start: number, end: number): Uint8Array {
    const count = end - start;
    // Every range that RFC 6962 splits off begins at a multiple of its left part's size.
    for (let height = 0, size = CHUNK; size <= count; height++, size *= 2) {
      if (size === count) return this.#levels[height]?.at(start / size) ?? new Uint8Array(0);
    }
    if (count <= CHUNK) return this.#rootOfLeaves(start, end);
    const split = start + splitOf(count);
    return parentOf(this.#rootOf(start, split), this.#rootOf(split, end));
  }

  #rootOfLeaves(start: number, end: number): Uint8Array {
    const leaves = this.#read(start, end);
    const tree = new MerkleTree(sha256);
    for (let at = 0; at < leaves.length; at += HASH_BYTES) tree.append(leaves.subarray(at, at + HASH_BYTES));
    return tree.root();
  }
}
