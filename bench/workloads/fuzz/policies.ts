import * as fc from 'fast-check';
import { Expressions } from './expressions.ts';
import * as literal from './literals.ts';
import { cedar, type Text } from './text.ts';

const MAX_POLICIES = 12;
const MAX_DEPTH = 3;

const principal: Text = fc.oneof(
  { withCrossShrink: true },
  { weight: 6, arbitrary: fc.constant('principal') },
  { weight: 2, arbitrary: cedar`principal == ${literal.agent}` },
  { weight: 2, arbitrary: cedar`principal in ${literal.agentGroup}` },
  { weight: 1, arbitrary: cedar`principal in ${literal.agent}` },
  { weight: 1, arbitrary: fc.constant('principal is Firma::Agent') },
  { weight: 1, arbitrary: cedar`principal is Firma::Agent in ${literal.agentGroup}` },
);

const action: Text = fc.oneof(
  { withCrossShrink: true },
  { weight: 4, arbitrary: fc.constant('action') },
  { weight: 2, arbitrary: cedar`action == ${literal.actionClass}` },
  { weight: 3, arbitrary: cedar`action in ${literal.actions}` },
);

const resource: Text = fc.oneof(
  { withCrossShrink: true },
  { weight: 6, arbitrary: fc.constant('resource') },
  { weight: 2, arbitrary: cedar`resource == ${literal.resource}` },
  { weight: 2, arbitrary: cedar`resource in ${literal.hostGroup}` },
  { weight: 1, arbitrary: cedar`resource in ${literal.resource}` },
  { weight: 1, arbitrary: fc.constant('resource is Firma::Resource') },
  { weight: 1, arbitrary: cedar`resource is Firma::Resource in ${literal.hostGroup}` },
);

const note = fc.option(fc.constantFrom('because', 'ask a person', '\u00e9 \\"x\\"'), { nil: undefined });

const expressions = new Expressions();
const condition = fc.oneof(
  ...[0, 1, 2, MAX_DEPTH].map(
    (depth) => cedar`${fc.constantFrom('when', 'unless')} { ${expressions.of('bool', depth)} }`,
  ),
);

/** One policy without its id. */
const policyText: Text = fc
  .record({
    effect: fc.constantFrom('permit', 'permit', 'forbid', 'abort'),
    reason: note,
    remedy: note,
    scope: fc.tuple(principal, action, resource),
    conditions: fc.array(condition, { maxLength: 3, size: 'max' }),
  })
  .map(({ effect, reason, remedy, scope, conditions }) => {
    const notes =
      (effect === 'abort' ? '@outcome("abort") ' : '') +
      (reason === undefined ? '' : `@reason("${reason}") `) +
      (remedy === undefined ? '' : `@remedy("${remedy}") `);
    const head = `${notes}${effect === 'permit' ? effect : 'forbid'} (${scope.join(', ')})`;
    return [head, ...conditions].join(' ') + ';';
  });

/** The policies of one bundle, each with its id. Ids are in no order. */
export const policies: fc.Arbitrary<readonly string[]> = fc
  .array(fc.tuple(policyText, fc.nat({ max: 99 })), {
    minLength: 1,
    maxLength: MAX_POLICIES,
    size: 'max',
  })
  .map((made) => made.map(([text, rank], at) => `@id("p${rank}-${at}") ${text}`));
