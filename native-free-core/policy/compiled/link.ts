import type { Access, Evaluator } from './access.ts';
import type { Expr, LoweredPolicy, ScopeConstraint } from './expr.ts';
import { Linker, toUid } from './link-expr.ts';
import { EntityUid } from './value.ts';

export type { Access, Entities, Evaluator } from './access.ts';

type ScopeVariable = 'principal' | 'action' | 'resource';
type Test<E> = (env: E) => boolean;

/**
 * Makes one closure of an expression. It answers as Cedar does: operands from the left, `&&`, `||` and `if` no further than
 * they need, an error of any kind as ERROR.
 */
export function link<E>(expr: Expr, access: Access<E>): Evaluator<E> {
  return new Linker(access).link(expr).evaluate;
}

function linkMembership<E>(variable: ScopeVariable, ancestor: EntityUid, access: Access<E>): Test<E> {
  const fast = access.isIn?.(variable, ancestor);
  if (fast !== undefined) return fast;
  const read = access.variable(variable);
  return (env) => {
    const value = read(env);
    return value instanceof EntityUid && access.entities(env).isIn(value, ancestor);
  };
}

function linkEntity<E>(variable: ScopeVariable, wanted: EntityUid, access: Access<E>): Test<E> {
  const { type, id } = wanted;
  const read = access.variable(variable);
  return (env) => {
    const value = read(env);
    return value instanceof EntityUid && value.id === id && value.type === type;
  };
}

function linkType<E>(variable: ScopeVariable, type: string, access: Access<E>): Test<E> {
  const read = access.variable(variable);
  return (env) => {
    const value = read(env);
    return value instanceof EntityUid && value.type === type;
  };
}

/**
 * Makes a test of what a policy's head says of one variable.
 *
 * @returns undefined where it admits every request
 */
export function linkScope<E>(
  variable: ScopeVariable,
  scope: ScopeConstraint,
  access: Access<E>,
): Test<E> | undefined {
  switch (scope.op) {
    case 'all':
      return undefined;
    case '==':
      return linkEntity(variable, toUid(scope.entity), access);
    case 'is': {
      const isType = linkType(variable, scope.type, access);
      if (scope.within === undefined) return isType;
      const isWithin = linkMembership(variable, toUid(scope.within), access);
      return (env) => isType(env) && isWithin(env);
    }
    case 'in': {
      const tests = scope.entities.map((entity) => linkMembership(variable, toUid(entity), access));
      const [first] = tests;
      if (first !== undefined && tests.length === 1) return first;
      return (env) => {
        for (const test of tests) if (test(env)) return true;
        return false;
      };
    }
  }
}

/** `run`, for requests that the head of a policy admits, and false for others. */
export function linkHead<E, A>(
  policy: LoweredPolicy,
  access: Access<E>,
  run: (env: E) => A,
): (env: E) => A | false {
  const tests = [
    linkScope('principal', policy.principal, access),
    linkScope('action', policy.action, access),
    linkScope('resource', policy.resource, access),
  ].filter((test) => test !== undefined);
  const [first] = tests;
  if (first === undefined) return run;
  if (tests.length === 1) return (env) => first(env) && run(env);
  return (env) => {
    for (const test of tests) if (!test(env)) return false;
    return run(env);
  };
}

/**
 * Makes one closure of a policy, head and conditions.
 *
 * @returns true where it is satisfied, false where it is not; anything else is an evaluation error
 */
export function linkPolicy<E>(policy: LoweredPolicy, access: Access<E>): Evaluator<E> {
  const { condition } = policy;
  return linkHead(policy, access, condition === undefined ? () => true : link(condition, access));
}
