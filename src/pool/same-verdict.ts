import type { PolicyVerdict } from '@firma/core';

function sameIds(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((id, index) => id === right[index]);
}

/** Whether two engines said the same: the outcome, every policy behind it, and what the agent is told. */
export function sameVerdict(left: PolicyVerdict, right: PolicyVerdict): boolean {
  return (
    left.allowed === right.allowed &&
    left.abort === right.abort &&
    left.reason === right.reason &&
    left.remedy === right.remedy &&
    sameIds(left.determining, right.determining) &&
    sameIds(left.errored, right.errored)
  );
}
