import type { CanonicalTarget, Resource } from './envelope.ts';
import { groupsOf, type GroupSelector } from './groups.ts';
import { isFolded } from './pattern.ts';
import { defaultPort, writtenHost } from './target.ts';

/** Known providers, by exact host (semantics §2). */
const PROVIDERS: ReadonlyMap<string, string> = new Map([
  ['api.github.com', 'github'],
  ['github.com', 'github'],
  ['api.stripe.com', 'stripe'],
  ['gmail.googleapis.com', 'gmail'],
]);

/** Empty where the host is no known provider's. */
export function providerOf(host: string): string {
  return PROVIDERS.get(host) ?? '';
}

/**
 * The resource of one reading.
 *
 * @param path canonical, without a trailing `/`: the reading's, which need not be the target's
 * @param foldMask bit n-1 set: segment n is named in lower case
 */
export function resourceOf(
  target: CanonicalTarget,
  path: string,
  method: string,
  foldMask: number,
  groups: GroupSelector,
): Resource {
  const { scheme, host, port } = target;
  const named = foldMask === 0 ? path : foldPath(path, foldMask);
  return {
    host,
    port,
    path: named,
    scheme,
    provider: providerOf(host),
    method,
    uid: uidOf(target, named),
    hostGroups: groupsOf(groups, host),
    foldMask,
  };
}

/** `<host><path>` for https on 443, `http://<host>[:port]<path>` or `<host>:<port><path>` otherwise (semantics §4). */
export function uidOf(target: CanonicalTarget, path: string): string {
  const host = writtenHost(target.host);
  const origin = target.port === defaultPort(target.scheme) ? host : `${host}:${target.port}`;
  return target.scheme === 'https' ? origin + path : `http://${origin}${path}`;
}

/** The path with the letters of the folded segments in lower case; the digits of an escape stay upper case. */
export function foldPath(path: string, foldMask: number): string {
  if (path === path.toLowerCase()) return path;
  let folded = '';
  let copied = 0;
  let position = -1;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 47) position++;
    else if (code === 37) i += 2;
    else if (code >= 65 && code <= 90 && isFolded(foldMask, position)) {
      folded += path.slice(copied, i) + String.fromCharCode(code + 32);
      copied = i + 1;
    }
  }
  return copied === 0 ? path : folded + path.slice(copied);
}
