import { isIP, type LookupFunction } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { type CanonicalTarget, ConfigInvalid } from '@firma/core';
import { buildConnector, type Dispatcher, Pool } from 'undici';
import type { UpstreamOverride } from '../config/config.ts';
import type { Destinations } from './destination.ts';
import { type Failure, FailureError } from './failure.ts';
import { HeldBack } from './held-back.ts';
import { defaultPort, hostHeader, type HostPort, readHostPort } from './host-port.ts';

export interface UpstreamOptions {
  readonly destinations: Destinations;
  readonly overrides: readonly UpstreamOverride[];
  /** PEM text by the path that an override's `ca` names. */
  readonly caPems: ReadonlyMap<string, string>;
  readonly connectTimeoutMs: number;
  /** Connections to one origin. */
  readonly maxConnections: number;
  /** Origins whose connections are kept open. */
  readonly maxOrigins?: number;
}

interface Override extends HostPort {
  readonly ca: string | undefined;
}

const KEEP_ALIVE_MS = 4000;

function originOf(target: CanonicalTarget): string {
  return `${target.scheme}://${hostHeader(target, target.scheme)}`;
}

function readOverride(
  override: UpstreamOverride,
  caPems: ReadonlyMap<string, string>,
): readonly [string, Override] {
  const from = readHostPort(override.from, 443);
  const to = readHostPort(override.to);
  if (from === undefined || to === undefined) {
    throw new ConfigInvalid(
      `upstream override \`${override.from}\` to \`${override.to}\`: both are written host:port`,
    );
  }
  const ca = override.ca === undefined ? undefined : caPems.get(override.ca);
  if (override.ca !== undefined && ca === undefined) {
    throw new ConfigInvalid(
      `the \`ca\` of upstream override \`${override.from}\` was not loaded with the configuration`,
      { file: override.ca },
    );
  }
  return [`${from.host}:${from.port}`, { ...to, ca }];
}

/** Connections to upstreams: kept alive, one pool an origin, dialled only at addresses that `Destinations` checked. */
export class Upstreams {
  readonly #options: UpstreamOptions;
  readonly #overrides: ReadonlyMap<string, Override>;
  readonly #pools = new Map<string, Pool>();

  /** @throws ConfigInvalid where an override is no `host:port` or its `ca` is not among `caPems` */
  /** Answers on their way that wait for their agents. */
  readonly heldBack = new HeldBack();

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#overrides = new Map(options.overrides.map((override) => readOverride(override, options.caPems)));
  }

  get origins(): number {
    return this.#pools.size;
  }

  /** Whether the target may be dialled; resolves its name. An override is dialled as it stands. */
  async check(target: CanonicalTarget): Promise<Failure | undefined> {
    if (this.#overrides.has(`${target.host}:${target.port}`)) return undefined;
    const located = await this.#options.destinations.locate(target.host);
    return located.ok ? undefined : located.failure;
  }

  /**
   * Sends one request on a connection of its own or a kept one. Follows no redirect, decodes nothing, retries nothing
   * that was written.
   *
   * @param headers names and values in turn, without `host` and framing
   */
  dispatch(
    target: CanonicalTarget,
    request: Pick<Dispatcher.DispatchOptions, 'body' | 'method'> & { readonly headers: string[] },
    handler: Dispatcher.DispatchHandler,
  ): void {
    this.#poolFor(target).dispatch(
      {
        method: request.method,
        path: target.path + target.query,
        headers: ['host', hostHeader(target, target.scheme), ...request.headers],
        body: request.body ?? null,
      },
      handler,
    );
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #poolFor(target: CanonicalTarget): Pool {
    const origin = originOf(target);
    const known = this.#pools.get(origin);
    const pool = known ?? this.#open(origin, target);
    this.#pools.delete(origin);
    this.#pools.set(origin, pool);
    if (this.#pools.size > (this.#options.maxOrigins ?? 256)) {
      const [oldest] = this.#pools;
      if (oldest !== undefined) {
        this.#pools.delete(oldest[0]);
        // Ends once what is under way on it did.
        oldest[1].close().catch(() => undefined);
      }
    }
    return pool;
  }

  #open(origin: string, target: CanonicalTarget): Pool {
    const { host, port } = target;
    const override = this.#overrides.get(`${host}:${port}`);
    const connect = buildConnector({
      allowH2: false,
      timeout: this.#options.connectTimeoutMs,
      // The certificate has to be the original host's, whatever address is dialled.
      checkServerIdentity: (_dialled, certificate) => checkServerIdentity(host, certificate),
      ...(override === undefined ? { lookup: this.#lookup(host) } : {}),
      ...(override?.ca === undefined ? {} : { ca: override.ca }),
    });
    const servername = isIP(host) === 0 ? host : '';
    const hostname = override?.host ?? host;
    const dialledPort = String(override?.port ?? (port === defaultPort(target.scheme) ? '' : port));
    return new Pool(origin, {
      connect: (options, callback) => {
        connect({ ...options, hostname, port: dialledPort, servername }, (...result) => {
          const [error, socket] = result;
          if (error === null) this.heldBack.watch(socket);
          callback(...result);
        });
      },
      connections: this.#options.maxConnections,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The agent's connection has the one idle timer, and every byte of the exchange passes it.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** INVARIANT: what a socket dials comes from here or is a literal that `check` saw. */
  #lookup(host: string): LookupFunction {
    const { destinations } = this.#options;
    return async (_name, options, callback) => {
      const located = await destinations.locate(host);
      if (!located.ok) {
        callback(new FailureError(located.failure), '');
        return;
      }
      const [first] = located.addresses;
      if (options.all === true) callback(null, [...located.addresses]);
      else callback(null, first?.address ?? '', first?.family);
    };
  }
}
