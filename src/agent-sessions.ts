import { sessionKeyOf, StartFailed } from '@firma/core';
import type { Authority, IssuedToken } from './authority/authority.ts';
import type { CapabilityRequest, Config } from './config/config.ts';
import { findProfile } from './config/profiles.ts';
import type { OpenedSession, OpenSessionRequest } from './session/control-messages.ts';
import type { SessionDirectory } from './session/directory.ts';
import type { OpenTransports } from './session/transports.ts';

interface OpenAgentSession {
  readonly capability: CapabilityRequest;
  readonly sessionKey: string;
  token: string;
  renewal: NodeJS.Timeout | undefined;
}

// A token is renewed when a fifth of its life is left; a renewal that fails is tried again until it ends.
const RENEW_AT = 0.8;
const RETRY_MS = 30_000;

/** The sessions of agents behind the proxy: their tokens stay here, an agent gets a proxy credential. */
export class AgentSessions {
  readonly #config: Config;
  readonly #authority: Authority;
  readonly #directory: SessionDirectory;
  readonly #transports: OpenTransports;
  readonly #open = new Map<string, OpenAgentSession>();

  constructor(config: Config, authority: Authority, directory: SessionDirectory, transports: OpenTransports) {
    this.#config = config;
    this.#authority = authority;
    this.#directory = directory;
    this.#transports = transports;
  }

  get count(): number {
    return this.#open.size;
  }

  /**
   * Has the Authority issue a token and names its session for the proxy.
   *
   * @throws ConfigInvalid for an unknown profile, IssuanceDenied where the Authority refuses, StartFailed where no
   *   further session fits
   */
  async open(request: OpenSessionRequest, proxy: string): Promise<OpenedSession> {
    const capability = 'agent' in request ? request : this.#profile(request.profile);
    const issued = await this.#authority.issue(capability);
    const { sid, sub, iss, exp } = issued.claims;
    const session = { sid, sub, token: issued.token, sessionKey: sessionKeyOf(iss, sub, sid) };
    const credential = this.#directory.open(session);
    if (credential === undefined) throw new StartFailed('no further session fits into this sidecar');
    const opened = { capability, sessionKey: session.sessionKey, token: issued.token, renewal: undefined };
    this.#open.set(credential.user, opened);
    this.#renewLater(credential.user, opened, capability.ttlS * 1000 * RENEW_AT);
    return { ...credential, proxy, sid, agent: sub, expiresAtSec: exp };
  }

  /** Ends what the session has open and forgets its credential. */
  close(user: string): void {
    const session = this.#open.get(user);
    if (session === undefined) return;
    this.#open.delete(user);
    clearTimeout(session.renewal);
    this.#directory.close(user);
    this.#transports.end(session.sessionKey);
  }

  closeAll(): void {
    for (const user of [...this.#open.keys()]) this.close(user);
  }

  #profile(id: string | undefined): CapabilityRequest {
    const { profile, profiles } = this.#config.run;
    return findProfile(profiles, id ?? profile).capability;
  }

  #renewLater(user: string, session: OpenAgentSession, delayMs: number): void {
    session.renewal = setTimeout(() => void this.#renew(user, session), delayMs);
    session.renewal.unref();
  }

  async #renew(user: string, session: OpenAgentSession): Promise<void> {
    let issued: IssuedToken;
    try {
      issued = await this.#authority.issue({ ...session.capability, renews: session.token });
    } catch {
      this.#renewLater(user, session, RETRY_MS);
      return;
    }
    if (this.#open.get(user) !== session) return;
    session.token = issued.token;
    this.#directory.renew(user, issued.token);
    this.#renewLater(user, session, session.capability.ttlS * 1000 * RENEW_AT);
  }
}
