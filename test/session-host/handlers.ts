import type { ControlHandlers } from '../../src/session/control.ts';

/** Handlers of a control socket that know no session, but for what a test does itself. */
export function controlHandlers(own: Partial<ControlHandlers> = {}): ControlHandlers {
  return {
    openSession: () => Promise.reject(new Error('no session is opened here')),
    closeSession: () => {},
    listSessions: () => ({ sessions: [], next: undefined }),
    showSession: () => undefined,
    abortSession: () => Promise.resolve(undefined),
    reloadPolicies: () => Promise.resolve(false),
    status: () => ({}),
    ...own,
  };
}
