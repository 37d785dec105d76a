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
  issued: IssuedToken;
  renewal: NodeJS.Timeout | undefined;
}

// A token is renewed when a fifth of its life is left. A renewal that fails is tried again, at most twice a minute and
// each time in half of what is left of that life, as long as it can still be renewed.
const RENEW_AT = 0.8;
const MAX_RETRY_MS = 30_000;
const MIN_RETRY_MS = 1_000;

/** The sessions of agents behind the proxy: their tokens stay here, an agent gets a proxy credential. */
export class AgentSessions {
  readonly #config: Config;
  readonly #authority: Pick<Authority, 'issue'>;
  readonly #directory: SessionDirectory;
  readonly #transports: OpenTransports;
  readonly #open = new Map<string, OpenAgentSession>();

  constructor(
    config: Config,
    authority: Pick<Authority, 'issue'>,
    directory: SessionDirectory,
    transports: OpenTransports,
  ) {
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
    const { sid, sub, iss } = issued.claims;
    const session = { sid, sub, token: issued.token, sessionKey: sessionKeyOf(iss, sub, sid) };
    const credential = this.#directory.open(session);
    if (credential === undefined) throw new StartFailed('no further session fits into this sidecar');
    const opened = { capability, sessionKey: session.sessionKey, issued, renewal: undefined };
    this.#open.set(credential.user, opened);
    this.#renewLater(credential.user, opened, capability.ttlS * 1000 * RENEW_AT);
    return { ...credential, proxy, sid };
  }

  /** The agent of an open session; undefined where none of that id is open here. */
  agentOf(sid: string): string | undefined {
    for (const { issued } of this.#open.values()) {
      if (issued.claims.sid === sid) return issued.claims.sub;
    }
    return undefined;
  }

  /** Ends what the session has open and forgets its credential. */
  close(user: string): void {
    const session = this.#open.get(user);
    if (session === undefined) return;
    this.#open.delete(user);
    clearTimeout(session.renewal);
    this.#directory.close(user);
    this.#transports.end(session.sessionKey, 'SESSION_ABORTED');
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
      issued = await this.#authority.issue({ ...session.capability, renews: session.issued.token });
    } catch {
      this.#retry(user, session);
      return;
    }
    if (this.#open.get(user) !== session) return;
    session.issued = issued;
    this.#directory.renew(user, issued.token);
    this.#renewLater(user, session, session.capability.ttlS * 1000 * RENEW_AT);
  }

  #retry(user: string, session: OpenAgentSession): void {
    if (this.#open.get(user) !== session) return;
    const delayMs = Math.min((session.issued.claims.exp * 1000 - Date.now()) / 2, MAX_RETRY_MS);
    // The session stays open to its end: its agent is told TOKEN_EXPIRED, and not that it is nobody.
    if (delayMs >= MIN_RETRY_MS) this.#renewLater(user, session, delayMs);
  }
}
