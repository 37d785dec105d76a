import type { ScopedResource, ScopeMatcher } from '../registry/scope.ts';
import type { Scheme } from './envelope.ts';
import { defaultPort } from './target.ts';
import {
  ANY_PATH,
  compileHost,
  compilePath,
  hostMatches,
  pathMatches,
  type HostPattern,
  type Invalid,
  type PathPattern,
} from './pattern.ts';

interface ScopeEntry {
  readonly scheme: Scheme;
  readonly host: HostPattern;
  readonly port: number;
  readonly path: PathPattern;
}

/**
 * Compiles the patterns of a `resource_scope` or of a credential entry: `host` alone is any path, `host/p`
 * exactly that path, `host/p/**` what is below it, `*` alone everything. Without `http://` or a port a pattern
 * means https on 443.
 *
 * @returns why the first bad pattern is none; an empty list is valid and matches nothing
 */
export function compileScope(patterns: readonly string[]): ScopeMatcher | Invalid {
  const entries: ScopeEntry[] = [];
  for (const pattern of patterns) {
    const entry = compileEntry(pattern);
    if ('invalid' in entry) return entry;
    entries.push(entry);
  }
  return patterns.includes('*') ? { matches: () => true } : new Scope(entries);
}

function compileEntry(pattern: string): ScopeEntry | Invalid {
  const scheme: Scheme = pattern.startsWith('http://') ? 'http' : 'https';
  const prefix = pattern.startsWith(`${scheme}://`) ? scheme.length + 3 : 0;
  const slash = pattern.indexOf('/', prefix);
  const host = compileHost(pattern.slice(prefix, slash === -1 ? undefined : slash));
  if ('invalid' in host) return host;
  const path = slash === -1 ? ANY_PATH : compilePath(pattern.slice(slash));
  if ('invalid' in path) return path;
  return { scheme, host, port: host.port ?? defaultPort(scheme), path };
}

class Scope implements ScopeMatcher {
  readonly #entries: readonly ScopeEntry[];

  constructor(entries: readonly ScopeEntry[]) {
    this.#entries = entries;
  }

  matches(resource: ScopedResource): boolean {
    for (const entry of this.#entries) {
      if (
        entry.port === resource.port &&
        entry.scheme === resource.scheme &&
        hostMatches(entry.host, resource.host) &&
        pathMatches(entry.path, resource.path, resource.foldMask)
      ) {
        return true;
      }
    }
    return false;
  }
}
