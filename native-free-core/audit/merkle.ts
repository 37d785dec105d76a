// The Merkle tree of RFC 6962 §2.1 over leaf hashes. Sizes and indexes are plain integers up to 2^53 - 1,
// so halving is division: bit operators would cut them to 32 bits.

/** SHA-256 of bytes, injected: node:crypto in the host, another implementation elsewhere. */
export type HashFunction = (bytes: Uint8Array) => Uint8Array;

export const HASH_BYTES = 32;

const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;

/** Hash of one leaf: SHA-256(0x00 ‖ bytes). */
export function leafHash(bytes: Uint8Array, sha256: HashFunction): Uint8Array {
  const input = new Uint8Array(bytes.length + 1);
  input[0] = LEAF_PREFIX;
  input.set(bytes, 1);
  return sha256(input);
}

/** Hash of an inner node: SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array, sha256: HashFunction): Uint8Array {
  const input = new Uint8Array(1 + left.length + right.length);
  input[0] = NODE_PREFIX;
  input.set(left, 1);
  input.set(right, 1 + left.length);
  return sha256(input);
}

/** Whether two hashes are the same bytes. Not constant in time: hashes of a public log are no secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * A growing tree, kept as the roots of its perfect subtrees (at most 53 hashes).
 *
 * Appending costs one inner hash on average; `root` at most 52.
 */
export class MerkleTree {
  // Left to right, so of falling height: one subtree for each bit of the size.
  readonly #subtrees: Uint8Array[] = [];
  readonly #sha256: HashFunction;
  #size = 0;

  constructor(sha256: HashFunction) {
    this.#sha256 = sha256;
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  append(leaf: Uint8Array): void {
    let node = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = this.#subtrees.pop();
      if (left === undefined) break;
      node = nodeHash(left, node, this.#sha256);
    }
    this.#subtrees.push(node);
    this.#size += 1;
  }

  /** Root hash over every leaf so far; of an empty tree, SHA-256 of nothing. */
  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (let i = this.#subtrees.length - 1; i >= 0; i--) {
      const subtree = this.#subtrees[i];
      if (subtree !== undefined) root = root === undefined ? subtree : nodeHash(subtree, root, this.#sha256);
    }
    return root ?? this.#sha256(new Uint8Array(0));
  }
}
