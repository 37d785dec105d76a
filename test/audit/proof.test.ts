import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leafHash, MerkleTree } from '../../native-free-core/audit/merkle.ts';
import {
  consistencyProof,
  inclusionProof,
  verifyConsistency,
  verifyInclusion,
} from '../../native-free-core/audit/proof.ts';
import { describeShared, sharedPath } from '../shared-data.ts';
import { sha256 } from './node-hash.ts';

type Vector = Readonly<Record<string, unknown>>;

const bytesOf = (text: unknown): Uint8Array => Buffer.from(typeof text === 'string' ? text : '', 'base64');
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);
const proofOf = (vector: Vector): Uint8Array[] =>
  Array.isArray(vector['proof']) ? vector['proof'].map((hash) => bytesOf(hash)) : [];

function vectors(folder: string): [string, Vector][] {
  const root = sharedPath(`vectors/rfc6962/${folder}`);
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name): [string, Vector] => [name, JSON.parse(readFileSync(join(root, name), 'utf8'))]);
}

describeShared('RFC 6962 vectors', 'vectors/rfc6962', () => {
  it('inclusion proofs are accepted and refused as they must be', () => {
    const all = vectors('inclusion');
    expect(all.length).toBeGreaterThan(50);
    for (const [name, vector] of all) {
      const claim = {
        index: numberOf(vector['leafIdx']),
        leaf: bytesOf(vector['leafHash']),
        size: numberOf(vector['treeSize']),
        root: bytesOf(vector['root']),
      };
      expect([name, verifyInclusion(claim, proofOf(vector), sha256)]).toEqual([name, !vector['wantErr']]);
    }
  });

  it('consistency proofs are accepted and refused as they must be', () => {
    const all = vectors('consistency');
    expect(all.length).toBeGreaterThan(50);
    for (const [name, vector] of all) {
      const claim = {
        size1: numberOf(vector['size1']),
        root1: bytesOf(vector['root1']),
        size2: numberOf(vector['size2']),
        root2: bytesOf(vector['root2']),
      };
      expect([name, verifyConsistency(claim, proofOf(vector), sha256)]).toEqual([name, !vector['wantErr']]);
    }
  });

  it('an inclusion proof in an aligned subtree is one in a tree of its own', () => {
    const all = vectors('subtreeinclusion');
    expect(all.length).toBeGreaterThan(100);
    for (const [name, vector] of all) {
      const start = numberOf(vector['start']);
      const size = numberOf(vector['end']) - start;
      const isAligned = size > 0 && start % 2 ** Math.ceil(Math.log2(size)) === 0;
      const claim = {
        index: numberOf(vector['leafIdx']) - start,
        leaf: bytesOf(vector['leafHash']),
        size,
        root: bytesOf(vector['root']),
      };
      const accepted = isAligned && verifyInclusion(claim, proofOf(vector), sha256);
      expect([name, accepted]).toEqual([name, !vector['wantErr']]);
    }
  });
});

function leavesOf(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => leafHash(Buffer.from(`leaf ${i}`), sha256));
}

function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  const tree = new MerkleTree(sha256);
  for (const leaf of leaves) tree.append(leaf);
  return tree.root();
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = Math.floor(bit / 8) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  return copy;
}

describe('a tree', () => {
  it('has the root that the definition of RFC 6962 gives, at every size', () => {
    const define = (leaves: readonly Uint8Array[]): Uint8Array => {
      const [first] = leaves;
      if (first === undefined) return sha256(new Uint8Array(0));
      if (leaves.length === 1) return first;
      let split = 1;
      while (split * 2 < leaves.length) split *= 2;
      const inner = [Uint8Array.of(1), define(leaves.slice(0, split)), define(leaves.slice(split))];
      return sha256(Buffer.concat(inner));
    };
    for (let size = 0; size <= 40; size++) {
      expect(rootOf(leavesOf(size))).toEqual(define(leavesOf(size)));
    }
  });
});

describe('generated proofs', () => {
  const sizes = fc
    .integer({ min: 1, max: 70 })
    .chain((size) => fc.record({ size: fc.constant(size), at: fc.nat({ max: size - 1 }) }));

  it('verify, and fail with any bit flipped', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), ({ size, at }, which, bit) => {
        const leaves = leavesOf(size);
        const root = rootOf(leaves);
        const leaf = leaves[at] ?? root;
        const inclusion = inclusionProof(leaves, at, sha256);
        expect(verifyInclusion({ index: at, leaf, size, root }, inclusion, sha256)).toBe(true);
        expect(verifyInclusion({ index: at, leaf: flipped(leaf, bit), size, root }, inclusion, sha256)).toBe(
          false,
        );
        const old = { size1: at + 1, root1: rootOf(leaves.slice(0, at + 1)), size2: size, root2: root };
        const consistency = consistencyProof(leaves, at + 1, sha256);
        expect(verifyConsistency(old, consistency, sha256)).toBe(true);
        expect(verifyConsistency({ ...old, root1: flipped(old.root1, bit) }, consistency, sha256)).toBe(
          false,
        );
        for (const proof of [inclusion, consistency]) {
          const position = which % Math.max(1, proof.length);
          const target = proof[position];
          if (target === undefined) continue;
          const bad = proof.with(position, flipped(target, bit));
          const accepted =
            proof === inclusion
              ? verifyInclusion({ index: at, leaf, size, root }, bad, sha256)
              : verifyConsistency(old, bad, sha256);
          expect(accepted).toBe(false);
        }
      }),
    );
  });

  it('are empty where there is nothing to prove', () => {
    const leaves = leavesOf(5);
    for (const index of [-1, 5, 0.5]) expect(inclusionProof(leaves, index, sha256)).toEqual([]);
    for (const size of [0, 5, 6, 1.5]) expect(consistencyProof(leaves, size, sha256)).toEqual([]);
  });

  it('refuse sizes that are no safe integers', () => {
    const [leaf] = leavesOf(1);
    const hash = leaf ?? new Uint8Array(32);
    for (const size of [2 ** 53, Number.NaN, 1.5, -1]) {
      expect(verifyInclusion({ index: 0, leaf: hash, size, root: hash }, [], sha256)).toBe(false);
      expect(verifyConsistency({ size1: 1, root1: hash, size2: size, root2: hash }, [], sha256)).toBe(false);
    }
  });
});
