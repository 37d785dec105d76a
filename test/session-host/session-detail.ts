import type { SessionDetailView } from '../../src/session/session-view.ts';

/** A session that made some calls, but for what a test says of it. */
export function sessionDetail(own: Partial<SessionDetailView> = {}): SessionDetailView {
  const sid = own.sid ?? 'Jq4qWbdn2AAh1XvC0lQHxw';
  return {
    key: `issuer\nagent-7\n${sid}`,
    iss: 'issuer',
    agent: 'agent-7',
    sid,
    startMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    allows: 9,
    denies: 3,
    open: 2,
    lastClass: 'code.read',
    aborted: undefined,
    classes: ['code.read', 'payment.transfer'],
    hosts: ['api.github.com', 'api.stripe.com'],
    injected: ['github'],
    bytesSent: 345,
    bytesReceived: 6789,
    amounts: { usd: 2000 },
    budgets: [
      {
        name: 'spend',
        kind: 'amount',
        per: 'session',
        currency: 'usd',
        limit: 10_000,
        committed: 2000,
        held: 500,
        remaining: 7500,
        windowMs: 86_400_000,
      },
    ],
    ...own,
  };
}
