import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type CanonicalTarget, hostMatches, type Mappings, pathMatches, type Rule } from '@firma/core';
import { shippedPath } from '../../src/config/package-root.ts';

/** What is timed for one request: the index of its rule, or -1. */
export type FindRule = (target: CanonicalTarget, method: string) => number;

/** The plainest classifier there is: every rule in turn, the first that matches answers. */
export function linearScan({ rules }: Mappings): FindRule {
  return (target, method) => {
    for (let index = 0; index < rules.length; index++) {
      const rule = rules[index]?.rule;
      if (rule !== undefined && ruleMatches(rule, target, method)) return index;
    }
    return -1;
  };
}

// HEAD is not among the requests: a rule for GET would answer it.
function ruleMatches(rule: Rule, target: CanonicalTarget, method: string): boolean {
  return (
    rule.scheme === target.scheme &&
    rule.port === target.port &&
    (rule.methods.length === 0 || rule.methods.includes(method)) &&
    hostMatches(rule.host, target.host) &&
    pathMatches(rule.path, target.matchPath, rule.foldMask)
  );
}

/** The part of find-my-way that is used. */
export interface Router {
  on(method: string, path: string, handler: () => void, store: number): void;
  find(method: string, path: string): { readonly store: number } | null;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * One router of find-my-way for each exact host, with the rules it can express: no wildcard inside a segment.
 *
 * @returns undefined where it is not installed (`npm ci --prefix bench/peers`)
 */
export function findMyWay({ rules }: Mappings): ReadonlyMap<string, Router> | undefined {
  const manifest = shippedPath('bench/peers/package.json');
  if (!existsSync(shippedPath('bench/peers/node_modules/find-my-way/package.json'))) return undefined;
  const make: () => Router = createRequire(manifest)('find-my-way');
  const routers = new Map<string, { readonly router: Router; readonly routes: Set<string> }>();
  for (const [index, { rule }] of rules.entries()) {
    const path = routePath(rule);
    if (path === undefined) continue;
    const { router, routes } = routers.get(rule.host.name) ?? { router: make(), routes: new Set() };
    routers.set(rule.host.name, { router, routes });
    for (const method of rule.methods.length === 0 ? METHODS : rule.methods) {
      // Rules come in order, so the one that is there already is the more specific one.
      if (routes.has(`${method} ${path}`)) continue;
      routes.add(`${method} ${path}`);
      router.on(method, path, () => undefined, index);
    }
  }
  return new Map([...routers].map(([host, { router }]) => [host, router]));
}

function routePath({ scheme, port, host, path }: Rule): string | undefined {
  if (scheme !== 'https' || port !== 443 || host.kind !== 'exact') return undefined;
  if (path.any) return '/*';
  const parts: string[] = [];
  for (const [position, segment] of path.segments.entries()) {
    if (segment.kind === 'inner') return undefined;
    if (segment.kind === 'literal') parts.push(segment.text.replaceAll(':', '::'));
    else parts.push(segment.kind === 'one' ? `:p${position}` : '*');
  }
  return `/${parts.join('/')}`;
}
