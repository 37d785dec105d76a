import type { ActionClassInfo } from '../registry/classes.ts';
import type { Expected, FixtureCase, FixtureOutcome, FixtureReason } from './fixtures.ts';
import type { PolicyContext, PolicyQuery } from './port.ts';

/** What came of a case. */
export interface FixtureAnswer {
  readonly outcome: FixtureOutcome;
  readonly reason: FixtureReason;
  /** The determining policies, sorted; those that errored where that is the reason. */
  readonly policies: readonly string[];
}

/** What Cedar is asked about one reading of a case. */
export function fixtureQuery(
  { principal, context }: FixtureCase,
  reading: {
    readonly actionClass: ActionClassInfo;
    readonly resource: PolicyQuery['resource'];
    readonly params: PolicyContext['params'];
  },
  request: PolicyContext['request'],
): PolicyQuery {
  const { actionClass: action, resource, params } = reading;
  return { principal, action, resource, context: { ...context, request, params } };
}

/** Whether an answer is what a case expects, as far as it says. */
export function isExpected(expected: Expected, { outcome, reason, policies }: FixtureAnswer): boolean {
  return (
    expected.outcome === outcome &&
    (expected.reason === undefined || expected.reason === reason) &&
    (expected.policies === undefined ||
      (expected.policies.length === policies.length &&
        expected.policies.every((id, index) => id === policies[index])))
  );
}
