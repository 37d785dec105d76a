import { type SessionHandle, sessionKeyOf, type SessionTable, StateUnusable } from '@firma/core';
import type { BudgetInput } from '@firma/core';
import type { AbortedSession, AbortRequest, SessionPage } from './session/control-messages.ts';
import { detailViewOf, type SessionDetailView, viewOf } from './session/session-view.ts';
import type { OpenTransports } from './session/transports.ts';
import { toWireError } from './session/wire-error.ts';

export interface SessionDeskOptions {
  readonly sessions: SessionTable;
  readonly transports: OpenTransports;
  readonly budgets: readonly BudgetInput[];
  /** `iss` of every session here. */
  readonly issuer: string;
}

const PAGE = 1000;

/** What people ask about sessions: to list them, to look at one, to end one. */
export class SessionDesk {
  readonly #options: SessionDeskOptions;

  constructor(options: SessionDeskOptions) {
    this.#options = options;
  }

  /** Sessions in memory, with their counters: at most `limit`, those behind the page whose `next` is `after`. */
  list(limit: number, after?: number): SessionPage {
    const found = this.#options.sessions.list(limit, after);
    return { sessions: found.map(viewOf), next: found.length < limit ? undefined : found.at(-1)?.handle };
  }

  /** @returns undefined where no session of that id is in memory */
  show(sid: string): SessionDetailView | undefined {
    const { budgets, sessions } = this.#options;
    const handle = this.#find(sid);
    return handle === undefined ? undefined : detailViewOf(sessions.show(handle), budgets);
  }

  /**
   * Ends a session by hand: its later calls are denied, what it has open is cut at once.
   *
   * @returns once a crash no longer undoes it, or with why one may; undefined where no session of that id is in memory
   *   and no agent is named
   * @throws StateUnusable where the session is not in memory and cannot be read; what it has open is cut all the same
   */
  async abort({ sid, agent, reason }: AbortRequest): Promise<AbortedSession | undefined> {
    const { sessions, transports } = this.#options;
    const handle = this.#find(sid) ?? (agent === undefined ? undefined : await this.#bring(sid, agent));
    if (handle === undefined) return undefined;
    const endedBefore = sessions.abortReason(handle);
    const { agent: sub, key } = viewOf(sessions.show(handle));
    const durable = sessions.abort(handle, reason);
    transports.end(key, 'SESSION_ABORTED');
    let notKept: string | undefined;
    try {
      await durable;
    } catch (error) {
      notKept = toWireError(error).message;
    }
    return { sid, agent: sub, endedBefore, notKept };
  }

  /** A session that is to be ended and is not in memory: never made a call here, or not since the start, or left it. */
  async #bring(sid: string, agent: string): Promise<SessionHandle> {
    const { issuer, sessions, transports } = this.#options;
    const identity = { key: sessionKeyOf(issuer, agent, sid), iss: issuer, sub: agent, sid };
    transports.end(identity.key, 'SESSION_ABORTED');
    const handle = await sessions.open(identity, Date.now(), []);
    if (handle === undefined) throw new StateUnusable('no further session fits into memory; try again');
    return handle;
  }

  #find(sid: string): SessionHandle | undefined {
    const { sessions } = this.#options;
    let after: number | undefined;
    for (;;) {
      const page = sessions.list(PAGE, after);
      const found = page.find((session) => session.sid === sid);
      if (found !== undefined) return sessions.find(viewOf(found).key);
      after = page.at(-1)?.handle;
      if (after === undefined) return undefined;
    }
  }
}
