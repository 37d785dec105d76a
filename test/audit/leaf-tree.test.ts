import { describe, expect, it } from 'vitest';
import { leafHash, MerkleTree } from '../../native-free-core/audit/merkle.ts';
import { verifyInclusion } from '../../native-free-core/audit/proof.ts';
import { LeafTree } from '../../src/audit/leaf-tree.ts';
import { sha256 } from './node-hash.ts';

const leaves = Array.from({ length: 9_000 }, (_, index) => leafHash(Buffer.from(`leaf ${index}`), sha256));

function rootOf(size: number): Uint8Array {
  const tree = new MerkleTree(sha256);
  for (const leaf of leaves.slice(0, size)) tree.append(leaf);
  return tree.root();
}

/** A tree that counts the leaves it reads. */
function openTree(): { tree: LeafTree; read: () => number } {
  let count = 0;
  const tree = new LeafTree((start, end) => {
    count += end - start;
    return Buffer.concat(leaves.slice(start, end));
  });
  return { tree, read: () => count };
}

describe('LeafTree', () => {
  it('gives roots and inclusion proofs of RFC 6962 while it grows, around every size that a subtree ends at', () => {
    const { tree } = openTree();
    for (const size of [1, 2, 3, 255, 256, 257, 511, 512, 513, 768, 1_025, 2_048, 5_000, 8_192, 8_999]) {
      const root = rootOf(size);
      expect(Buffer.from(tree.root(size)).equals(root)).toBe(true);
      for (const index of new Set([0, 1, 255, 256, 600, 1_024, 4_096, size - 2, size - 1])) {
        const leaf = leaves[index];
        if (leaf === undefined || index < 0 || index >= size) continue;
        const proof = tree.inclusion(index, size);
        expect(verifyInclusion({ index, leaf, size, root }, proof, sha256)).toBe(true);
      }
    }
  });

  it('reads every leaf once, and then some 800 for a proof, however many there are', () => {
    const { tree, read } = openTree();
    tree.root(8_191);
    expect(read()).toBe(8_191);
    tree.root(8_191);
    tree.inclusion(3_000, 8_191);
    expect(read() - 8_191).toBeLessThanOrEqual(3 * 256);
  });
});
