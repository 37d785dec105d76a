import {
  ConfigInvalid,
  type FixtureCase,
  type Matched,
  type Normalizer,
  type Reading,
  type Refusal,
} from '@firma/core';

type Params = Reading['params'];
type GivenReading = Pick<Reading, 'actionClass' | 'params' | 'resource'>;

const NO_BODY = new Uint8Array(0);

function caseError({ file, line, name }: FixtureCase, what: string): ConfigInvalid {
  return new ConfigInvalid(`case \`${name}\`: ${what}`, { file, line });
}

/** Facts that no rule of the call could have read would pass a case that no live call passes. */
function assertReadable(tested: FixtureCase, params: Params, { first, others }: Matched): void {
  const rules = [first, ...others].map(({ mapped }) => mapped.rule);
  const refined = rules.find(({ refinement }) => refinement !== undefined);
  if (refined !== undefined) {
    throw caseError(
      tested,
      `the rule at ${refined.where} has \`refine\`: the body decides the class; give \`body\` in place of \`params\``,
    );
  }
  const declared = new Set(rules.flatMap((rule) => rule.params.map(({ name }) => name)));
  for (const name of Object.keys(params)) {
    if (declared.has(name)) continue;
    const known = [...declared].sort().map((one) => `\`${one}\``);
    const has = known.length === 0 ? 'it declares none' : `it declares ${known.join(', ')}`;
    throw caseError(
      tested,
      `\`params.${name}\` is no fact of the rule at ${first.mapped.rule.where}; ${has}`,
    );
  }
}

/**
 * The readings of a call whose body is not given, but what a body would say.
 *
 * @returns what a live call is refused for where its query, path or headers refuse it already
 * @throws ConfigInvalid with the place of the case, where no body could say it
 */
export function readingsWithParams(
  normalizer: Normalizer,
  matched: Matched,
  tested: FixtureCase,
  given: Params,
): readonly GivenReading[] | Refusal {
  assertReadable(tested, given, matched);
  const envelope = normalizer.envelope(matched, NO_BODY);
  if ('refused' in envelope) return envelope;
  const rules = new Map(
    [matched.first, ...matched.others].map(({ mapped }) => [mapped.rule.where, mapped.rule]),
  );
  return envelope.readings.map(({ actionClass, resource, params, rule }) => {
    const own: Record<string, number | string> = { ...params };
    for (const { name } of rules.get(rule)?.params ?? []) {
      const value = given[name];
      if (value === undefined) continue;
      if (own[name] !== undefined)
        throw caseError(tested, `\`params.${name}\` is given by the call itself as well`);
      own[name] = value;
    }
    return { actionClass, resource, params: own };
  });
}
