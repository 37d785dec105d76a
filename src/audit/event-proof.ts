/** What shows that one record is in the log: enough to check with the verifier key alone. */
export interface EventProof {
  /** The exact line of the log, without its newline. */
  readonly record: string;
  /** Its number in the tree, from 0. */
  readonly leafIndex: number;
  /** Records the checkpoint covers. */
  readonly treeSize: number;
  /** The inclusion proof of RFC 6962 §2.1.1: SHA-256 hashes in base64, from the leaf up. */
  readonly inclusion: readonly string[];
  /** The signed note (C2SP tlog-checkpoint). */
  readonly checkpoint: string;
}

/** What the thread that makes proofs is started with. */
export interface ProofTask {
  readonly runDir: string;
  /** Where the records of this run of the sidecar begin in the file. */
  readonly runStart: number;
}

export type ProofAnswer =
  | { readonly kind: 'proof'; readonly proof: EventProof }
  /** No record of the log has this id. */
  | { readonly kind: 'unknown' }
  /** It is number `seq`, which no checkpoint covers yet. */
  | { readonly kind: 'unsigned'; readonly seq: number }
  | { readonly kind: 'failed'; readonly detail: string };
