export { decodeBase64, encodeBase64 } from './base64.ts';
export { canonicalize } from './canonical-json.ts';
export { NOTE_END } from './checkpoint-file.ts';
export { signCheckpoint, type Checkpoint } from './checkpoint.ts';
export type * from './event.ts';
export { LineSplitter, MAX_LINE_BYTES, type Chunks } from './lines.ts';
export type { LogProblem } from './log-problem.ts';
export { proveLog, type LogProof, type LogSource } from './log-proof.ts';
export { HASH_BYTES, leafHash, MerkleTree, type HashFunction } from './merkle.ts';
export {
  formatVerifierKey,
  makeVerifierKey,
  parseVerifierKey,
  type NoteSigner,
  type VerifierKey,
  type VerifySignature,
} from './signed-note.ts';
export { verifyLog, type LogReport, type VerifyLogInput } from './verify.ts';
