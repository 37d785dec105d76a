import type { IncomingMessage } from 'node:http';
import type { RawRequest, Scheme } from '@firma/core';
import { connectionOptions } from './headers.ts';
import { defaultPort, type HostPort, readHostPort, sameHostPort, hostHeader } from './host-port.ts';

/** Where a CONNECT leads. */
export interface TunnelTarget extends HostPort {
  /** CONNECT's target, as received. */
  readonly text: string;
  /** `https` where the client spoke TLS inside. */
  readonly scheme: Scheme;
  /** The server name of the TLS client, where it differs from the CONNECT's host. */
  readonly otherServerName: string | undefined;
}

/** One request, as far as it can be read before it is decided. */
export type Reading =
  | {
      readonly ok: true;
      readonly raw: RawRequest;
      /** Lower-case names that `Connection` listed: not forwarded, and not seen by classification either. */
      readonly dropped: ReadonlySet<string>;
    }
  | { readonly ok: false; readonly status: 403 | 421; readonly detail: string };

interface Target extends HostPort {
  readonly scheme: Scheme;
  readonly hostPort: string;
  readonly target: string;
}

const ABSOLUTE_FORM = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is;

function malformed(detail: string, status: 403 | 421 = 403): Reading {
  return { ok: false, status, detail };
}

function absoluteTarget(url: string): Target | string {
  const [, scheme, hostPort = '', rest = ''] = ABSOLUTE_FORM.exec(url) ?? [];
  if (scheme === undefined)
    return 'not a request for a proxy: the target is neither a URL nor inside a tunnel';
  const lower = scheme.toLowerCase();
  if (lower !== 'http' && lower !== 'https') return `the scheme \`${lower.slice(0, 20)}\` is not forwarded`;
  const parsed = readHostPort(hostPort, defaultPort(lower));
  if (parsed === undefined) return 'the target does not name a host';
  return { ...parsed, scheme: lower, hostPort, target: rest.startsWith('/') ? rest : `/${rest}` };
}

function targetOf(url: string, tunnel: TunnelTarget | undefined): Target | string {
  const originForm = url.startsWith('/') || url === '*';
  if (tunnel !== undefined && originForm) {
    return {
      host: tunnel.host,
      port: tunnel.port,
      scheme: tunnel.scheme,
      // Without a default port: the form that is canonical already.
      hostPort: hostHeader(tunnel, tunnel.scheme),
      target: url,
    };
  }
  return absoluteTarget(url);
}

function headerValues(req: IncomingMessage, wanted: (name: string) => boolean): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    const name = (req.rawHeaders[i] ?? '').toLowerCase();
    if (!wanted(name)) continue;
    const values = found.get(name);
    if (values === undefined) found.set(name, [req.rawHeaders[i + 1] ?? '']);
    else values.push(req.rawHeaders[i + 1] ?? '');
  }
  return found;
}

/** What the tunnel, the target and every `Host` say has to be one and the same (semantics §7). */
function hostMismatch(
  target: Target,
  tunnel: TunnelTarget | undefined,
  hosts: readonly string[],
): Reading | undefined {
  if (tunnel?.otherServerName !== undefined) {
    return malformed(`the TLS server name is not the tunnel's host \`${tunnel.host}\``, 421);
  }
  if (tunnel !== undefined && (!sameHostPort(target, tunnel) || target.scheme !== tunnel.scheme)) {
    return malformed(`the request is for another host than the tunnel to \`${tunnel.text}\``, 421);
  }
  const [host] = hosts;
  if (host === undefined) return undefined;
  const named = readHostPort(host, defaultPort(target.scheme));
  if (named !== undefined && sameHostPort(named, target)) return undefined;
  return tunnel === undefined
    ? malformed('the `Host` header contradicts the target')
    : malformed(`the \`Host\` header is not the tunnel's \`${tunnel.text}\``, 421);
}

/**
 * Reads the head of one request into what classification takes.
 *
 * Refuses what two servers could read in two ways, beyond what the parser already refuses (RFC 9112 §6.1, §11.2).
 *
 * @param readable whether classification reads a header, by its lower-case name; no other reaches the result
 */
export function readRequest(
  req: IncomingMessage,
  tunnel: TunnelTarget | undefined,
  readable: (name: string) => boolean,
): Reading {
  if (req.httpVersion !== '1.1' && req.httpVersion !== '1.0')
    return malformed('only HTTP/1.1 and 1.0 are spoken here');
  const target = targetOf(req.url ?? '', tunnel);
  if (typeof target === 'string') return malformed(target);

  const framing = headerValues(req, (name) => name === 'host' || name === 'connection');
  const hosts = framing.get('host') ?? [];
  if (hosts.length > 1) return malformed('more than one `Host` header');
  if (hosts.length === 0 && req.httpVersion === '1.1') return malformed('no `Host` header');
  const mismatch = hostMismatch(target, tunnel, hosts);
  if (mismatch !== undefined) return mismatch;

  const coding = req.headers['transfer-encoding'];
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || req.httpVersion !== '1.1')) {
    return malformed('the only transfer coding understood is `chunked`, in HTTP/1.1');
  }
  if (req.headers.upgrade?.toLowerCase().includes('websocket') === true) {
    return malformed('WebSocket upgrades are not forwarded');
  }

  const dropped = connectionOptions(framing.get('connection') ?? []);
  const length = req.headers['content-length'];
  return {
    ok: true,
    dropped,
    raw: {
      method: req.method ?? '',
      scheme: target.scheme,
      hostPort: target.hostPort,
      target: target.target,
      headers: headerValues(req, (name) => readable(name) && !dropped.has(name)),
      transport: 'proxy',
      bodyLength: coding === undefined ? Number(length ?? 0) : undefined,
    },
  };
}
