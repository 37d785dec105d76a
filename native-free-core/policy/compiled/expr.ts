// What `lower.ts` makes of Cedar's JSON and `link.ts` makes closures of. Plain data: it can be posted to a thread.

export type Variable = 'principal' | 'action' | 'resource' | 'context';

export interface EntityRef {
  readonly type: string;
  readonly id: string;
}

/** Operators that evaluate both operands, left first, and need nothing else. */
export type BinaryOp =
  '==' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | 'contains' | 'containsAll' | 'containsAny';

/** Operators that look at entities too. */
export type EntityOp = 'in' | 'getTag' | 'hasTag';

export type Expr =
  | { readonly op: 'literal'; readonly value: boolean | number | bigint | string }
  | ({ readonly op: 'entity' } & EntityRef)
  | { readonly op: 'variable'; readonly name: Variable }
  | { readonly op: 'set'; readonly items: readonly Expr[] }
  | { readonly op: 'record'; readonly fields: readonly (readonly [string, Expr])[] }
  /** Two terms or more; `a && b && c` is one node. */
  | { readonly op: 'and' | 'or'; readonly terms: readonly Expr[] }
  | { readonly op: 'if'; readonly test: Expr; readonly yes: Expr; readonly no: Expr }
  | { readonly op: 'not' | 'neg' | 'isEmpty'; readonly arg: Expr }
  | { readonly op: BinaryOp | EntityOp; readonly left: Expr; readonly right: Expr }
  | { readonly op: 'get'; readonly left: Expr; readonly name: string }
  /** `left has a.b.c` */
  | { readonly op: 'has'; readonly left: Expr; readonly names: readonly string[] }
  /** `left is type`, or `left is type in within` */
  | { readonly op: 'is'; readonly left: Expr; readonly type: string; readonly within: Expr | undefined }
  /** What stands between the wildcards: `a*b` is `['a', 'b']`. */
  | { readonly op: 'like'; readonly left: Expr; readonly parts: readonly string[] }
  /** An extension function. */
  | { readonly op: 'call'; readonly name: string; readonly args: readonly Expr[] };

/** What a policy's head says of its principal, action or resource. Evaluating it never errors. */
export type ScopeConstraint =
  | { readonly op: 'all' }
  | { readonly op: '=='; readonly entity: EntityRef }
  /** In one of them, or one of them. */
  | { readonly op: 'in'; readonly entities: readonly EntityRef[] }
  | { readonly op: 'is'; readonly type: string; readonly within: EntityRef | undefined };

export interface LoweredPolicy {
  readonly effect: 'permit' | 'forbid';
  readonly principal: ScopeConstraint;
  readonly action: ScopeConstraint;
  readonly resource: ScopeConstraint;
  /** All `when`s and `unless`es; undefined where there are none. */
  readonly condition: Expr | undefined;
}

/** An attribute of a variable: `context.session.calls`; no names for the variable itself. */
export interface AttributePath {
  readonly variable: Variable;
  readonly names: readonly string[];
}

/** @returns undefined for any other expression */
export function attributePath(expr: Expr): AttributePath | undefined {
  const names: string[] = [];
  let at = expr;
  while (at.op === 'get') {
    names.push(at.name);
    at = at.left;
  }
  return at.op === 'variable' ? { variable: at.name, names: names.toReversed() } : undefined;
}
