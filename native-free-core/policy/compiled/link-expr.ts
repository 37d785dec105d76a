import { type Access, computed, constant, type Evaluator, type Linked, type Result } from './access.ts';
import { attributePath, type EntityRef, type Expr } from './expr.ts';
import { EXTENSION_FUNCTIONS } from './extensions/functions.ts';
import { likePattern } from './like.ts';
import { isMember, uidsIn } from './membership.ts';
import { linkIf, linkTerms, negated } from './link-logic.ts';
import { linkBinary, linkUnary } from './link-operators.ts';
import { isEmptySet, negate } from './operators.ts';
import { CedarRecord, CedarSet, EntityUid, ERROR, type Value } from './value.ts';

export function toUid({ type, id }: EntityRef): EntityUid {
  return new EntityUid(type, id);
}

/** What stands in `items`, evaluated from the left; undefined where one errs. */
function evaluateAll<E>(items: readonly Evaluator<E>[], env: E): Value[] | undefined {
  const values: Value[] = [];
  for (const item of items) {
    const value = item(env);
    if (value === ERROR) return undefined;
    values.push(value);
  }
  return values;
}

/** Makes closures of one policy's expressions. */
export class Linker<E> {
  readonly #access: Access<E>;

  constructor(access: Access<E>) {
    this.#access = access;
  }

  link(expr: Expr): Linked<E> {
    switch (expr.op) {
      case 'literal':
        return constant(expr.value);
      case 'entity':
        return constant(toUid(expr));
      case 'variable':
        return computed(this.#access.variable(expr.name));
      case 'set':
        return this.#compound(expr.items, (values) => new CedarSet(values));
      case 'record': {
        const names = expr.fields.map(([name]) => name);
        return this.#compound(
          expr.fields.map(([, value]) => value),
          (values) => new CedarRecord(new Map(values.map((value, index) => [names[index] ?? '', value]))),
        );
      }
      case 'call': {
        const apply = EXTENSION_FUNCTIONS.get(expr.name);
        return apply === undefined ? constant(ERROR) : this.#compound(expr.args, apply);
      }
      case 'and':
      case 'or':
        return linkTerms(
          expr.op,
          expr.terms.map((term) => this.link(term)),
        );
      case 'if':
        return linkIf(this.link(expr.test), this.link(expr.yes), this.link(expr.no));
      case 'not':
        return linkUnary(negated, this.link(expr.arg));
      case 'neg':
        return linkUnary(negate, this.link(expr.arg));
      case 'isEmpty':
        return linkUnary(isEmptySet, this.link(expr.arg));
      case 'get':
        return this.#get(expr, expr.left, expr.name);
      case 'has':
        return this.#has(expr.left, expr.names);
      case 'is':
        return this.#is(expr.left, expr.type, expr.within);
      case 'like': {
        const matches = likePattern(expr.parts);
        return linkUnary(
          (value) => (typeof value === 'string' ? matches(value) : ERROR),
          this.link(expr.left),
        );
      }
      case 'in':
        return this.#in(expr.left, this.link(expr.left), this.link(expr.right));
      case 'getTag':
      case 'hasTag':
        return this.#tag(expr.op, this.link(expr.left), this.link(expr.right));
      default:
        return linkBinary(expr.op, this.link(expr.left), this.link(expr.right));
    }
  }

  /** A value made of others. */
  #compound(items: readonly Expr[], make: (values: readonly Value[]) => Result): Linked<E> {
    const linked = items.map((item) => this.link(item));
    const constants: Value[] = [];
    for (const { constant: value } of linked) {
      if (value === ERROR) return constant(ERROR);
      if (value !== undefined) constants.push(value);
    }
    if (constants.length === linked.length) return constant(make(constants));
    const evaluators = linked.map((item) => item.evaluate);
    return computed((env) => {
      const values = evaluateAll(evaluators, env);
      return values === undefined ? ERROR : make(values);
    });
  }

  #attribute(value: Result, name: string, env: E): Result {
    if (value instanceof CedarRecord) return value.fields.get(name) ?? ERROR;
    if (!(value instanceof EntityUid)) return ERROR;
    return this.#access.entities(env).attributes(value)?.fields.get(name) ?? ERROR;
  }

  #get(expr: Expr, left: Expr, name: string): Linked<E> {
    const path = attributePath(expr);
    const fast = path === undefined ? undefined : this.#access.path?.(path.variable, path.names);
    if (fast !== undefined) return computed(fast);
    const { evaluate, constant: known } = this.link(left);
    if (known instanceof CedarRecord) return constant(known.fields.get(name) ?? ERROR);
    return computed((env) => this.#attribute(evaluate(env), name, env));
  }

  #has(left: Expr, names: readonly string[]): Linked<E> {
    const path = attributePath(left);
    const fast =
      path === undefined
        ? undefined
        : this.#access.has?.(path.variable, [...path.names, ...names], path.names.length);
    if (fast !== undefined) return computed(fast);
    const { evaluate } = this.link(left);
    return computed((env) => {
      let value = evaluate(env);
      for (const name of names) {
        // What does not exist has no attributes; what is neither record nor entity cannot be asked.
        if (!(value instanceof CedarRecord) && !(value instanceof EntityUid)) return ERROR;
        value = this.#attribute(value, name, env);
        if (value === ERROR) return false;
      }
      return true;
    });
  }

  #is(left: Expr, type: string, within: Expr | undefined): Linked<E> {
    const linked = this.link(left);
    const isType = linkUnary((value) => (value instanceof EntityUid ? value.type === type : ERROR), linked);
    if (within === undefined) return isType;
    return linkTerms('and', [isType, this.#in(left, linked, this.link(within))]);
  }

  #in(expr: Expr, left: Linked<E>, right: Linked<E>): Linked<E> {
    const uids = uidsIn(right.constant);
    if (expr.op === 'variable' && uids !== undefined) {
      const tests = uids.map((uid) => this.#access.isIn?.(expr.name, uid));
      const [first, second] = tests;
      if (first !== undefined && second === undefined && tests.length === 1) return computed(first);
      const known = tests.filter((test) => test !== undefined);
      if (known.length === tests.length && known.length > 0) {
        return computed((env) => {
          for (const test of known) if (test(env)) return true;
          return false;
        });
      }
    }
    return computed((env) => {
      const uid = left.evaluate(env);
      const ancestors = right.evaluate(env);
      if (!(uid instanceof EntityUid) || ancestors === ERROR) return ERROR;
      return isMember(uid, ancestors, this.#access.entities(env));
    });
  }

  #tag(op: 'getTag' | 'hasTag', left: Linked<E>, right: Linked<E>): Linked<E> {
    return computed((env) => {
      const uid = left.evaluate(env);
      const name = right.evaluate(env);
      if (!(uid instanceof EntityUid) || typeof name !== 'string') return ERROR;
      const tags = this.#access.entities(env).tags(uid)?.fields;
      if (op === 'hasTag') return tags?.has(name) ?? false;
      return tags?.get(name) ?? ERROR;
    });
  }
}
