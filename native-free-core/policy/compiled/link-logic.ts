import { computed, constant, type Evaluator, type Linked, type Result } from './access.ts';
import { ERROR } from './value.ts';

/** A value where a boolean is needed. */
export function asBoolean(value: Result): Result {
  return typeof value === 'boolean' ? value : ERROR;
}

export function negated(value: Result): Result {
  return typeof value === 'boolean' ? !value : ERROR;
}

/** Evaluates terms from the left until one answers `end` or errs. */
function chain<E>(terms: readonly Evaluator<E>[], end: boolean): Evaluator<E> {
  const [first, second, third, ...rest] = terms;
  if (first === undefined) return () => !end;
  if (second === undefined) return (env) => asBoolean(first(env));
  if (third === undefined) {
    return (env) => {
      const value = first(env);
      return value === !end ? asBoolean(second(env)) : asBoolean(value);
    };
  }
  if (rest.length === 0) {
    return (env) => {
      let value = first(env);
      if (value !== !end) return asBoolean(value);
      value = second(env);
      return value === !end ? asBoolean(third(env)) : asBoolean(value);
    };
  }
  return (env) => {
    for (const term of terms) {
      const value = term(env);
      if (value !== !end) return asBoolean(value);
    }
    return !end;
  };
}

/** `&&` and `||`: a term is evaluated only where those before it leave the answer open, and must be a boolean then. */
export function linkTerms<E>(op: 'and' | 'or', terms: readonly Linked<E>[]): Linked<E> {
  const end = op === 'or';
  const open: Linked<E>[] = [];
  for (const term of terms) {
    if (term.constant === !end) continue;
    open.push(term);
    // Nothing after it is reached.
    if (term.constant !== undefined) break;
  }
  const [first] = open;
  if (first === undefined) return constant(!end);
  if (first.constant !== undefined) return constant(asBoolean(first.constant));
  return computed(
    chain(
      open.map((term) => term.evaluate),
      end,
    ),
  );
}

export function linkIf<E>(test: Linked<E>, yes: Linked<E>, no: Linked<E>): Linked<E> {
  if (test.constant === true) return yes;
  if (test.constant === false) return no;
  if (test.constant !== undefined) return constant(ERROR);
  return computed((env) => {
    const value = test.evaluate(env);
    if (value === true) return yes.evaluate(env);
    return value === false ? no.evaluate(env) : ERROR;
  });
}
