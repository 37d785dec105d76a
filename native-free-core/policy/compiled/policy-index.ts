import { ACTION_CLASSES, type ClassSet } from '../../registry/classes.ts';
import type { PolicyQuery } from '../port.ts';

/**
 * The one thing a policy's scope asks of a query beside its class, as far as an index can look it up. A policy that asks
 * for more is under what narrows most and tests the rest itself; `any` is met by every query of the class.
 */
export type Bucket =
  | { readonly kind: 'agent' | 'resource' | 'agentGroup' | 'hostGroup'; readonly id: string }
  | { readonly kind: 'any' };

type Lists<P> = Map<string, P[]>;

/** Policies of one class by what their scope asks for. */
interface ClassIndex<P> {
  /** What they look at together (`READS`). */
  reads: number;
  readonly any: P[];
  readonly agent: Lists<P>;
  readonly agentGroup: Lists<P>;
  readonly resource: Lists<P>;
  readonly hostGroup: Lists<P>;
}

function emptyIndex<P>(): ClassIndex<P> {
  return {
    reads: 0,
    any: [],
    agent: new Map(),
    agentGroup: new Map(),
    resource: new Map(),
    hostGroup: new Map(),
  };
}

function listOf<P>(index: ClassIndex<P>, bucket: Bucket): P[] {
  if (bucket.kind === 'any') return index.any;
  const lists = index[bucket.kind];
  let list = lists.get(bucket.id);
  if (list === undefined) {
    list = [];
    lists.set(bucket.id, list);
  }
  return list;
}

/** Is handed the policies that can apply to a query, list by list. */
export interface Visitor<P> {
  meet(policies: readonly P[]): void;
}

function visitOne<P>(lists: Lists<P>, id: string, visitor: Visitor<P>): void {
  if (lists.size === 0) return;
  const list = lists.get(id);
  if (list !== undefined) visitor.meet(list);
}

function visitEach<P>(lists: Lists<P>, ids: readonly string[], visitor: Visitor<P>): void {
  if (lists.size === 0) return;
  for (let at = 0; at < ids.length; at += 1) {
    const id = ids[at];
    const list = id === undefined ? undefined : lists.get(id);
    // A group listed twice is one group.
    if (list !== undefined && id !== undefined && ids.indexOf(id) === at) visitor.meet(list);
  }
}

/**
 * The policies of a bundle by class, and in a class by the agent, group, resource or host group that their scope names:
 * a query meets those that can apply to it, however many there are.
 */
export class PolicyIndex<P> {
  readonly #byClass: (ClassIndex<P> | undefined)[] = ACTION_CLASSES.map(() => undefined);

  /** Policies of one list are met in the order they were added. */
  add(policy: P, classes: ClassSet, bucket: Bucket, reads: number): void {
    for (let at = 0; at < classes.length; at += 1) {
      if (classes[at] !== 1) continue;
      const index = (this.#byClass[at] ??= emptyIndex());
      index.reads |= reads;
      listOf(index, bucket).push(policy);
    }
  }

  /** What the policies of a class look at (`READS`); undefined where no policy names the class. */
  reads(classIndex: number): number | undefined {
    return this.#byClass[classIndex]?.reads;
  }

  /** Hands over every policy that can apply to a query, each once. */
  visit({ action, principal, resource }: PolicyQuery, visitor: Visitor<P>): void {
    const index = this.#byClass[action.index];
    if (index === undefined) return;
    if (index.any.length > 0) visitor.meet(index.any);
    visitOne(index.agent, principal.id, visitor);
    visitOne(index.resource, resource.uid, visitor);
    visitEach(index.agentGroup, principal.groups, visitor);
    visitEach(index.hostGroup, resource.hostGroups, visitor);
  }
}
