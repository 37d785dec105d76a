import { locateProblems } from './locate.ts';
import { MAX_PROBLEMS } from './log-problem.ts';
import type { LogProblem } from './log-problem.ts';
import { proveLog } from './log-proof.ts';
import type { LogProof, LogSource } from './log-proof.ts';

export interface VerifyLogInput extends LogSource {
  /**
   * The leaf hashes kept beside the log: 32 bytes for each record from the first on. Asked for only where the log
   * does not verify, to name the record; they prove nothing by themselves.
   */
  readonly leafHashes?: (() => Promise<Uint8Array | undefined>) | undefined;
  /** A writer has the log open: an unfinished end is being written and no problem. */
  readonly isGrowing?: boolean;
}

/** The answer of `firma audit verify` (semantics §8). */
export interface LogReport {
  /** Whether there is no problem. */
  readonly ok: boolean;
  /** Complete lines in the log. */
  readonly records: number;
  /** Records that the last checkpoint speaks for. */
  readonly covered: number;
  /** Records after it: not signed yet, and no problem. */
  readonly uncovered: number;
  /** Good checkpoints in the log's file. */
  readonly checkpoints: number;
  readonly problems: readonly LogProblem[];
}

const tornProblem = (proof: LogProof): LogProblem => ({
  seq: proof.records,
  event_id: null,
  kind: 'torn',
  detail: `the log ends with ${proof.tornBytes} bytes of an unfinished record; a start over this log cuts them off`,
});

const tornCheckpointProblem = (proof: LogProof): LogProblem => ({
  seq: null,
  event_id: null,
  kind: 'torn',
  detail: `the checkpoints end with ${proof.tornCheckpointBytes} bytes of an unfinished one; a start over this log cuts them off`,
});

function limited(problems: readonly LogProblem[]): readonly LogProblem[] {
  if (problems.length < MAX_PROBLEMS) return problems;
  const more: LogProblem = {
    seq: null,
    event_id: null,
    kind: 'more',
    detail: 'there are more problems than these; the list ends here',
  };
  return [...problems.slice(0, MAX_PROBLEMS - 1), more];
}

/**
 * Verifies a log with nothing but its files and the public key.
 *
 * Up to the last checkpoint every record is proven; a changed, removed, inserted, duplicated or reordered one is
 * named. A log cut back to an earlier checkpoint is found against `knownCheckpoint`, one kept elsewhere.
 *
 * `log` and `checkpoints` are read once where the log is good, twice otherwise.
 */
export async function verifyLog(input: VerifyLogInput): Promise<LogReport> {
  const proof = await proveLog(input);
  const problems = [...proof.problems];
  if (!proof.intact) {
    const hashes = await input.leafHashes?.();
    problems.push(...(await locateProblems(input, proof, hashes ?? new Uint8Array(0))));
  }
  if (input.isGrowing !== true) {
    if (proof.tornBytes > 0) problems.push(tornProblem(proof));
    if (proof.tornCheckpointBytes > 0) problems.push(tornCheckpointProblem(proof));
  }
  const covered = Math.min(proof.records, proof.signedSize);
  return {
    ok: problems.length === 0,
    records: proof.records,
    covered,
    uncovered: proof.records - covered,
    checkpoints: proof.checkpoints,
    problems: limited(problems),
  };
}
