/** What the demo's agent reports after a step. */
export interface AgentStep {
  readonly name: string;
  readonly status: number;
  /** `firma.reason` of a denial; empty where an upstream answered, `CUT` where its answer broke off. */
  readonly reason: string;
  readonly piece?: number;
  readonly pieces?: number;
  readonly turns?: number;
}

/** What a step must come to for the demo to succeed. */
interface Expected {
  readonly name: string;
  readonly status: number;
  readonly reason: string;
  readonly shows: string;
}

export const PIECES = 4;
/** Budget of the demo's session: the loop ends when it is used up. */
export const MAX_CALLS = 24;

export const EXPECTED: readonly Expected[] = [
  { name: 'read', status: 200, reason: '', shows: 'reads a repository; the credential is added on the way' },
  { name: 'mail', status: 200, reason: '', shows: 'lists mail' },
  { name: 'pay', status: 200, reason: '', shows: 'pays 20.00 USD, under the limit' },
  { name: 'overpay', status: 403, reason: 'POLICY_FORBID', shows: 'pays 9,000.00 USD, over the limit' },
  { name: 'paste', status: 403, reason: 'POLICY_FORBID', shows: 'posts what it knows to a paste site' },
  { name: 'unmapped', status: 403, reason: 'UNCLASSIFIED_ACTION', shows: 'calls a host no table maps' },
  { name: 'destroy', status: 403, reason: 'POLICY_NO_PERMIT', shows: 'deletes the repository' },
  { name: 'stream', status: 200, reason: '', shows: `reads an answer that arrives in ${PIECES} pieces` },
  { name: 'open', status: 200, reason: '', shows: 'opens an answer that does not end' },
  {
    name: 'loop',
    status: 403,
    reason: 'BUDGET_EXCEEDED',
    shows: 'repeats itself until its budget ends the session',
  },
  { name: 'cut', status: 200, reason: 'CUT', shows: 'has the open answer cut off' },
  { name: 'after', status: 403, reason: 'SESSION_ABORTED', shows: 'tries once more' },
];
