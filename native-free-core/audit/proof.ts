import { equalBytes, HASH_BYTES, MerkleTree, nodeHash } from './merkle.ts';
import type { HashFunction } from './merkle.ts';

/** Says that one leaf is in the tree of `size` leaves with that root. */
export interface InclusionClaim {
  readonly index: number;
  readonly leaf: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
}

/** Says that the tree of `size1` leaves is the beginning of the tree of `size2` leaves. */
export interface ConsistencyClaim {
  readonly size1: number;
  readonly root1: Uint8Array;
  readonly size2: number;
  readonly root2: Uint8Array;
}

const half = (value: number): number => Math.floor(value / 2);

function allHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((hash) => hash.length === HASH_BYTES);
}

/**
 * Checks an inclusion proof (RFC 6962 §2.1.1). False for a proof of any other length, order or content.
 */
export function verifyInclusion(
  claim: InclusionClaim,
  proof: readonly Uint8Array[],
  sha256: HashFunction,
): boolean {
  const { index, size } = claim;
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  if (!allHashes([claim.leaf, ...proof])) return false;
  let at = index;
  let last = size - 1;
  let hash = claim.leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(sibling, hash, sha256);
      // The right edge of a tree that is not full skips the levels where it has no left sibling.
      while (at % 2 === 0 && at !== 0) {
        at = half(at);
        last = half(last);
      }
    } else {
      hash = nodeHash(hash, sibling, sha256);
    }
    at = half(at);
    last = half(last);
  }
  return last === 0 && equalBytes(hash, claim.root);
}

/**
 * Checks a consistency proof (RFC 6962 §2.1.2). An empty first tree proves nothing and is refused.
 */
export function verifyConsistency(
  claim: ConsistencyClaim,
  proof: readonly Uint8Array[],
  sha256: HashFunction,
): boolean {
  const { size1, size2 } = claim;
  if (!Number.isSafeInteger(size1) || !Number.isSafeInteger(size2) || size1 < 1 || size1 > size2)
    return false;
  if (size1 === size2) return proof.length === 0 && equalBytes(claim.root1, claim.root2);
  if (!allHashes([claim.root1, claim.root2, ...proof])) return false;
  let at = size1 - 1;
  let last = size2 - 1;
  while (at % 2 === 1) {
    at = half(at);
    last = half(last);
  }
  // Where the first tree is perfect its root is the starting node, and the proof leaves it out.
  const path = at === 0 ? [claim.root1, ...proof] : proof;
  const start = path[0];
  if (start === undefined) return false;
  let first = start;
  let second = start;
  for (const sibling of path.slice(1)) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      first = nodeHash(sibling, first, sha256);
      second = nodeHash(sibling, second, sha256);
      while (at % 2 === 0 && at !== 0) {
        at = half(at);
        last = half(last);
      }
    } else {
      second = nodeHash(second, sibling, sha256);
    }
    at = half(at);
    last = half(last);
  }
  return last === 0 && equalBytes(first, claim.root1) && equalBytes(second, claim.root2);
}

function rootOf(leaves: readonly Uint8Array[], start: number, end: number, sha256: HashFunction): Uint8Array {
  const tree = new MerkleTree(sha256);
  for (let i = start; i < end; i++) {
    const leaf = leaves[i];
    if (leaf !== undefined) tree.append(leaf);
  }
  return tree.root();
}

/** The largest power of two below `count`, which is at least 2: where RFC 6962 splits a tree. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/**
 * The proof that leaf `index` is in the tree of all `leaves`; empty where there is no such leaf.
 *
 * Cost: every leaf is hashed into the tree once.
 */
export function inclusionProof(
  leaves: readonly Uint8Array[],
  index: number,
  sha256: HashFunction,
): Uint8Array[] {
  const proof: Uint8Array[] = [];
  if (!Number.isSafeInteger(index) || index < 0 || index >= leaves.length) return proof;
  let start = 0;
  let end = leaves.length;
  while (end - start > 1) {
    const split = start + splitOf(end - start);
    if (index < split) {
      proof.push(rootOf(leaves, split, end, sha256));
      end = split;
    } else {
      proof.push(rootOf(leaves, start, split, sha256));
      start = split;
    }
  }
  return proof.toReversed();
}

/**
 * The proof that the first `size1` leaves are the beginning of the tree of all `leaves`; empty where `size1` is
 * all of them or out of range.
 */
export function consistencyProof(
  leaves: readonly Uint8Array[],
  size1: number,
  sha256: HashFunction,
): Uint8Array[] {
  const proof: Uint8Array[] = [];
  if (!Number.isSafeInteger(size1) || size1 < 1 || size1 >= leaves.length) return proof;
  let start = 0;
  let end = leaves.length;
  // The old tree's own root is known to the verifier as long as no part of it was split off.
  let whole = true;
  while (end !== size1) {
    const split = start + splitOf(end - start);
    if (size1 <= split) {
      proof.push(rootOf(leaves, split, end, sha256));
      end = split;
    } else {
      proof.push(rootOf(leaves, start, split, sha256));
      start = split;
      whole = false;
    }
  }
  if (!whole) proof.push(rootOf(leaves, start, end, sha256));
  return proof.toReversed();
}
