import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';

// Cedar's JSON form of an expression is an object with one member: the operator. What it holds depends on the operator.

/** One node of an expression: its operator and what stands under it. */
export interface Node {
  readonly op: string;
  readonly body: unknown;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @returns undefined for what is no expression */
export function nodeOf(expr: unknown): Node | undefined {
  if (!isRecord(expr)) return undefined;
  const [op, second] = Object.keys(expr);
  return op === undefined || second !== undefined ? undefined : { op, body: expr[op] };
}

/** The operands of a node, in order. Literals and variables have none. */
export function operands(node: Node): readonly unknown[] {
  const { op, body } = node;
  if (op === 'Value' || op === 'Var' || op === 'Slot') return [];
  if (Array.isArray(body)) return body;
  if (!isRecord(body)) return [];
  if (op === '.' || op === 'has' || op === 'like') return [body['left']];
  if (op === 'is') return body['in'] === undefined ? [body['left']] : [body['left'], body['in']];
  return Object.values(body);
}

/** Of the stack, in nodes. Measured with 4.13: 95 calls, each the operand of the next, were too much; 91 were not. */
const EXTENSION_CALL_DEPTH = 4;

/** What a node itself adds to the depth. */
function ownDepth({ op, body }: Node): number {
  // `.toDate()`, `ip(…)`: the one form besides a set whose operands are a list.
  if (Array.isArray(body)) return op === 'Set' ? 1 : EXTENSION_CALL_DEPTH;
  // `has a.b.c` is evaluated as a chain of tests, two nodes a name.
  const names = op === 'has' && isRecord(body) ? body['attr'] : undefined;
  return Array.isArray(names) ? 2 * names.length : 1;
}

/** How many nodes evaluation goes down; counting stops at `limit + 1`. */
function depthOf(expr: unknown, limit: number): number {
  const node = nodeOf(expr);
  if (node === undefined || limit < 0) return 1;
  const own = ownDepth(node);
  let deepest = 0;
  for (const operand of operands(node)) deepest = Math.max(deepest, depthOf(operand, limit - own));
  return own + deepest;
}

/** How deep evaluating a policy recurses: its clauses are joined by `&&`, one level each. */
export function policyDepth(policy: PolicyJson, limit: number): number {
  let deepest = 0;
  for (const clause of policy.conditions) deepest = Math.max(deepest, depthOf(clause.body, limit));
  return policy.conditions.length + deepest;
}
