import type { BudgetView, SessionDetailView, SessionView } from '../../session/session-view.ts';
import { columns } from '../output.ts';

const MAX_AGENT_CHARS = 20;

function shortened(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`;
}

function row({ agent, aborted, allows, denies, lastClass, open, sid }: SessionView): string[] {
  const counters = [allows, denies, open].map(String);
  const last = aborted === undefined ? lastClass || '-' : `aborted: ${aborted}`;
  return [sid, shortened(agent, MAX_AGENT_CHARS), ...counters, last];
}

/**
 * Sessions as a table.
 *
 * @param width of the terminal in characters; undefined: no line is cut
 */
export function listLines(sessions: readonly SessionView[], width: number | undefined): string[] {
  if (sessions.length === 0) return ['no session in memory'];
  const head = ['SID', 'AGENT', 'ALLOWED', 'DENIED', 'OPEN', 'LAST CLASS'];
  const lines = columns([head, ...sessions.map(row)]);
  return width === undefined ? lines : lines.map((line) => shortened(line, width));
}

const UNIT: Readonly<Record<Exclude<BudgetView['kind'], 'amount'>, string>> = {
  calls: 'calls',
  bytes: 'bytes',
  in_flight: 'open at once',
};

function unitOf({ currency, kind }: BudgetView): string {
  if (kind !== 'amount') return UNIT[kind];
  return currency === undefined ? 'minor units' : `${currency}, minor units`;
}

const STEPS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const;

function windowText(windowMs: number | undefined): string {
  if (windowMs === undefined) return '-';
  const step = STEPS.find(([, ms]) => windowMs % ms === 0);
  return step === undefined ? `${windowMs / 1000}s` : `${windowMs / step[1]}${step[0]}`;
}

function budgetLines(budgets: readonly BudgetView[]): string[] {
  if (budgets.length === 0) return [];
  const head = ['BUDGET', 'PER', 'LIMIT', 'USED', 'HELD', 'REMAINING', 'WINDOW', 'OF'];
  const rows = budgets.map((budget) => [
    budget.name,
    budget.per,
    ...[budget.limit, budget.committed, budget.held, budget.remaining].map(String),
    windowText(budget.windowMs),
    unitOf(budget),
  ]);
  return ['', ...columns([head, ...rows])];
}

function joined(values: readonly string[]): string {
  return values.length === 0 ? '-' : values.join(' ');
}

/** Everything known of a session, a line a fact, then its budgets as a table. */
export function detailLines(session: SessionDetailView): string[] {
  const { amounts, aborted, lastClass, startMs } = session;
  const spent = Object.entries(amounts).map(([currency, amount]) => `${amount} ${currency}`);
  return [
    ...columns([
      ['session', session.sid],
      ['agent', session.agent],
      ['issuer', session.iss],
      ['start', new Date(startMs).toISOString()],
      ['aborted', aborted ?? 'no'],
      ['calls', `${session.allows} allowed, ${session.denies} denied, ${session.open} open`],
      ['last class', lastClass || '-'],
      ['classes', joined(session.classes)],
      ['hosts', joined(session.hosts)],
      ['injected', joined(session.injected)],
      ['bytes (finished calls)', `${session.bytesSent} sent, ${session.bytesReceived} received`],
      ['amounts', spent.length === 0 ? '-' : `${spent.join(', ')} in minor units`],
    ]),
    ...budgetLines(session.budgets),
  ];
}
