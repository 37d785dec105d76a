import { compareRisk } from '../registry/classes.ts';
import type { CallBody } from './call-body.ts';
import { MAX_READINGS, NO_PARAMS, type NormalizerReason, type Params, type Reading } from './envelope.ts';
import { FactReader } from './fact-reader.ts';
import { Unreadable } from './form.ts';
import type { MappedRule } from './mappings.ts';
import type { Matched, MatchedReading } from './normalizer.ts';
import { operationsOf } from './refine/operations.ts';
import { OWN_OPERATION, refinedClass, type Operation } from './refine/refinement.ts';

/** Why the body of a call allows no reading of it. */
export interface BodyProblem {
  readonly refused: NormalizerReason;
  readonly detail: string;
}

export type Readings = readonly [Reading, ...Reading[]];

const OWN: readonly Operation[] = [OWN_OPERATION];

/**
 * The readings of a matched call once its body is there: each with its facts, and one for each operation the body
 * asks for; by falling risk, ties by the order of the classes.
 */
export function readingsOf(matched: Matched, body: CallBody): Readings | BodyProblem {
  const { raw, target, first, others } = matched;
  const facts = new FactReader(raw, target.query, body);
  const readings: Reading[] = [];
  for (const reading of [first, ...others]) {
    const problem = addReadings(readings, reading, matched, facts, body);
    if (problem !== undefined) return problem;
  }
  const [strictest, ...rest] = readings.sort(byRisk);
  return strictest === undefined ? malformed('the call has no reading') : [strictest, ...rest];
}

/** The only reading of a call that has one, none of it in the body. */
export function plainReading({ mapped, resource }: MatchedReading): Reading {
  const { actionClass, where: rule } = mapped.rule;
  return { actionClass, resource, params: NO_PARAMS, rule, operation: undefined };
}

function addReadings(
  readings: Reading[],
  { mapped, resource }: MatchedReading,
  { raw, target }: Matched,
  facts: FactReader,
  body: CallBody,
): BodyProblem | undefined {
  const { rule } = mapped;
  const { refinement } = rule;
  const params = readParams(rule.params, resource.path, facts);
  if (params instanceof Unreadable) return { refused: 'PARAMS_UNREADABLE', detail: params.why };
  const operations =
    refinement === undefined ? OWN : operationsOf(refinement.refiner, raw, target.query, body);
  if ('malformed' in operations) return malformed(operations.malformed);
  // A body that asks for nothing is still a call of the rule's class.
  for (const operation of operations.length === 0 ? OWN : operations) {
    if (readings.length === MAX_READINGS)
      return malformed(`the call can be read in more than ${MAX_READINGS} ways`);
    readings.push({
      actionClass:
        refinement === undefined ? rule.actionClass : refinedClass(refinement, rule.actionClass, operation),
      resource,
      params: operation.params === NO_PARAMS ? params : { ...params, ...operation.params },
      rule: rule.where,
      operation: operation.name,
    });
  }
  return undefined;
}

function readParams(
  specs: MappedRule['rule']['params'],
  path: string,
  facts: FactReader,
): Params | Unreadable {
  if (specs.length === 0) return NO_PARAMS;
  const params: Record<string, number | string> = {};
  for (const spec of specs) {
    const fact = facts.read(spec, path);
    if (fact instanceof Unreadable) return fact;
    if (fact !== undefined) params[spec.name] = fact;
  }
  return params;
}

function malformed(detail: string): BodyProblem {
  return { refused: 'MALFORMED_REQUEST', detail };
}

/** Highest risk first, ties by the order of the classes; a sort keeps equal ones as they came. */
function byRisk(left: Reading, right: Reading): number {
  return compareRisk(left.actionClass, right.actionClass);
}
