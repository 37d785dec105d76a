import type { EntityUidJson, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { isRecord, nodeOf } from '../expression.ts';
import type {
  BinaryOp,
  EntityOp,
  EntityRef,
  Expr,
  LoweredPolicy,
  ScopeConstraint,
  Variable,
} from './expr.ts';
import { EXTENSION_FUNCTIONS } from './extensions/functions.ts';

const BINARY: ReadonlyMap<string, BinaryOp | EntityOp> = new Map(
  (
    [
      ...(['==', '<', '<=', '>', '>=', '+', '-', '*', 'in'] as const),
      ...(['contains', 'containsAll', 'containsAny', 'getTag', 'hasTag'] as const),
    ] as const
  ).map((op) => [op, op]),
);
const UNARY: ReadonlyMap<string, 'not' | 'neg' | 'isEmpty'> = new Map([
  ['!', 'not'],
  ['neg', 'neg'],
  ['isEmpty', 'isEmpty'],
]);
const VARIABLES: ReadonlyMap<unknown, Variable> = new Map(
  (['principal', 'action', 'resource', 'context'] as const).map((name) => [name, name]),
);

/** Stands in for what cannot be lowered; the policy is declined, so it is never evaluated. */
const NOTHING: Expr = { op: 'literal', value: false };

function entityRef(json: unknown): EntityRef | undefined {
  const ref = isRecord(json) && isRecord(json['__entity']) ? json['__entity'] : json;
  if (!isRecord(ref)) return undefined;
  const { type, id } = ref;
  return typeof type === 'string' && typeof id === 'string' ? { type, id } : undefined;
}

/** `a && b && c` is evaluated from the left, whichever way it nests. */
function joined(op: 'and' | 'or', left: Expr, right: Expr): Expr {
  const before = left.op === op ? left.terms : [left];
  const after = right.op === op ? right.terms : [right];
  return { op, terms: [...before, ...after] };
}

/** Lowers one policy; the first reason to decline it is kept. */
class Lowering {
  declined: string | undefined;

  decline(reason: string): Expr {
    this.declined ??= reason;
    return NOTHING;
  }

  policy(json: PolicyJson): LoweredPolicy {
    let condition: Expr | undefined;
    for (const { kind, body } of json.conditions) {
      const clause = this.expr(body);
      const holds: Expr = kind === 'when' ? clause : { op: 'not', arg: clause };
      condition = condition === undefined ? holds : joined('and', condition, holds);
    }
    return {
      effect: json.effect,
      principal: this.#scope(json.principal),
      action: this.#scope(json.action),
      resource: this.#scope(json.resource),
      condition,
    };
  }

  #scope(scope: PolicyJson['principal'] | PolicyJson['action']): ScopeConstraint {
    if (scope.op === 'All') return { op: 'all' };
    if ('slot' in scope) return this.#slot();
    if (scope.op === 'is') {
      const within = scope.in;
      if (within === undefined) return { op: 'is', type: scope.entity_type, within: undefined };
      if ('slot' in within) return this.#slot();
      const [group] = this.#entities([within.entity]);
      return { op: 'is', type: scope.entity_type, within: group };
    }
    const [entity, ...others] = this.#entities('entities' in scope ? scope.entities : [scope.entity]);
    if (scope.op === '==' && entity !== undefined && others.length === 0) return { op: '==', entity };
    return { op: 'in', entities: entity === undefined ? [] : [entity, ...others] };
  }

  #slot(): ScopeConstraint {
    this.decline('it is a template');
    return { op: 'all' };
  }

  #entities(json: readonly EntityUidJson[]): EntityRef[] {
    const refs: EntityRef[] = [];
    for (const entity of json) {
      const ref = entityRef(entity);
      if (ref === undefined) this.decline('its scope names no entity');
      else refs.push(ref);
    }
    return refs;
  }

  expr(json: unknown): Expr {
    const node = nodeOf(json);
    if (node === undefined) return this.decline('it holds what is no expression');
    const { op, body } = node;
    switch (op) {
      case 'Value':
        return this.#value(body);
      case 'Var': {
        const name = VARIABLES.get(body);
        return name === undefined ? this.decline('it reads an unknown variable') : { op: 'variable', name };
      }
      case 'Slot':
        return this.decline('it is a template');
      case 'Set':
        return Array.isArray(body) ? { op: 'set', items: this.#all(body) } : this.#malformed(op);
      case 'Record':
        return isRecord(body) ? this.#record(body, (item) => this.expr(item)) : this.#malformed(op);
    }
    if (Array.isArray(body)) {
      if (EXTENSION_FUNCTIONS.has(op)) return { op: 'call', name: op, args: this.#all(body) };
      return this.decline(`it calls \`${op}\``);
    }
    return isRecord(body) ? this.#operator(op, body) : this.#malformed(op);
  }

  #operator(op: string, body: Readonly<Record<string, unknown>>): Expr {
    const unary = UNARY.get(op);
    if (unary !== undefined) return { op: unary, arg: this.expr(body['arg']) };
    if (op === 'if-then-else') {
      return {
        op: 'if',
        test: this.expr(body['if']),
        yes: this.expr(body['then']),
        no: this.expr(body['else']),
      };
    }
    const binary = BINARY.get(op);
    const left = this.expr(body['left']);
    if (op === '!=') return { op: 'not', arg: { op: '==', left, right: this.expr(body['right']) } };
    if (binary !== undefined) return { op: binary, left, right: this.expr(body['right']) };
    const { attr } = body;
    switch (op) {
      case '&&':
        return joined('and', left, this.expr(body['right']));
      case '||':
        return joined('or', left, this.expr(body['right']));
      case '.':
        return typeof attr === 'string' ? { op: 'get', left, name: attr } : this.#malformed(op);
      case 'has': {
        const names: readonly unknown[] = Array.isArray(attr) ? attr : [attr];
        const texts = names.filter((name) => typeof name === 'string');
        const whole = texts.length === names.length && texts.length > 0;
        return whole ? { op: 'has', left, names: texts } : this.#malformed(op);
      }
      case 'is': {
        const type = body['entity_type'];
        const within = body['in'] === undefined ? undefined : this.expr(body['in']);
        return typeof type === 'string' ? { op: 'is', left, type, within } : this.#malformed(op);
      }
      case 'like':
        return this.#like(left, body['pattern']);
      default:
        return this.decline(`it uses \`${op}\``);
    }
  }

  #malformed(op: string): Expr {
    return this.decline(`\`${op}\` has an unknown form`);
  }

  #all(items: readonly unknown[]): Expr[] {
    return items.map((item) => this.expr(item));
  }

  #record(body: Readonly<Record<string, unknown>>, item: (json: unknown) => Expr): Expr {
    const fields: (readonly [string, Expr])[] = [];
    for (const [name, value] of Object.entries(body)) fields.push([name, item(value)]);
    return { op: 'record', fields };
  }

  #value(json: unknown): Expr {
    switch (typeof json) {
      case 'boolean':
      case 'string':
        return { op: 'literal', value: json };
      case 'number':
        // Cedar's JSON passes through doubles on its way here: which Long this was is not known.
        if (!Number.isSafeInteger(json)) return this.decline('it holds an integer beyond 2^53');
        return { op: 'literal', value: json };
    }
    if (Array.isArray(json)) return { op: 'set', items: json.map((item) => this.#value(item)) };
    if (!isRecord(json)) return this.decline('it holds what is no value');
    if ('__entity' in json) {
      const ref = entityRef(json);
      return ref === undefined ? this.#malformed('__entity') : { op: 'entity', ...ref };
    }
    if ('__extn' in json) return this.#extension(json['__extn']);
    return this.#record(json, (item) => this.#value(item));
  }

  #extension(json: unknown): Expr {
    if (!isRecord(json)) return this.#malformed('__extn');
    const { fn, arg, args } = json;
    if (typeof fn !== 'string' || !EXTENSION_FUNCTIONS.has(fn))
      return this.decline(`it calls \`${String(fn)}\``);
    const given: readonly unknown[] = Array.isArray(args) ? args : [arg];
    return { op: 'call', name: fn, args: given.map((item) => this.#value(item)) };
  }

  #like(left: Expr, pattern: unknown): Expr {
    if (!Array.isArray(pattern)) return this.#malformed('like');
    const elements: readonly unknown[] = pattern;
    const parts = [''];
    for (const element of elements) {
      const last = parts.length - 1;
      if (element === 'Wildcard') {
        // Two wildcards in a row are one.
        if (last === 0 || parts[last] !== '') parts.push('');
      } else if (isRecord(element) && typeof element['Literal'] === 'string') {
        parts[last] = (parts[last] ?? '') + element['Literal'];
      } else return this.#malformed('like');
    }
    return { op: 'like', left, parts };
  }
}

/**
 * Brings a policy that Cedar parsed and that is not nested too deeply (`loadPolicies`) into the form that is linked.
 *
 * An integer beyond 2^53 declines it; `splitLongs` writes such a policy in a way that does not.
 *
 * @returns why it is declined, where the compiled engine could not answer exactly as Cedar does
 */
export function lowerPolicy(json: PolicyJson): LoweredPolicy | { readonly declined: string } {
  const lowering = new Lowering();
  const lowered = lowering.policy(json);
  return lowering.declined === undefined ? lowered : { declined: lowering.declined };
}
