import { ACTION_CLASSES, classSet, findActionClass } from '../registry/classes.ts';
import type { BudgetKind, BudgetRule } from './budget.ts';
import type { RecordReader, RecordWriter } from './record-codec.ts';
import { unreadable } from './record-codec.ts';
import type { WindowSums } from './window.ts';

/** What was saved of one counter. */
export interface SavedCounter {
  readonly name: string;
  readonly kind: BudgetKind;
  readonly currency: string;
  /** 0: as long as the account lives. */
  readonly windowMs: number;
  /** Charged, or drawn to be charged: after a crash both count as charged. Of a window only what was drawn. */
  readonly spent: number;
  /** Absent without a window. */
  readonly sums: WindowSums | undefined;
  /** A token's rule: nothing else here knows it after a restart. */
  readonly rule: BudgetRule | undefined;
}

const KINDS: readonly BudgetKind[] = ['calls', 'amount', 'bytes', 'in_flight'];

function writeRule(to: RecordWriter, rule: BudgetRule): void {
  to.number(rule.limit);
  to.text(rule.host?.text ?? '');
  to.byte(rule.host?.isSuffix === true ? 1 : 0);
  to.text(rule.idempotencyHeader ?? '');
  to.texts(ACTION_CLASSES.filter(({ index }) => rule.match[index] === 1).map(({ name }) => name));
}

function readRule(
  from: RecordReader,
  counter: Pick<SavedCounter, 'name' | 'kind' | 'currency' | 'windowMs'>,
): BudgetRule {
  const limit = from.number();
  const text = from.text();
  const isSuffix = from.byte() === 1;
  const header = from.text();
  // A class that is no longer in the registry cannot be called either.
  const classes = from.texts().flatMap((name) => findActionClass(name) ?? []);
  return Object.freeze({
    name: counter.name,
    match: classSet(classes),
    kind: counter.kind,
    limit,
    currency: counter.currency === '' ? undefined : counter.currency,
    per: 'session',
    windowMs: counter.windowMs === 0 ? undefined : counter.windowMs,
    agent: undefined,
    host: text === '' ? undefined : Object.freeze({ text, isSuffix }),
    onExceed: 'deny',
    idempotencyHeader: header === '' ? undefined : header,
  });
}

export function writeCounter(to: RecordWriter, counter: SavedCounter): void {
  to.text(counter.name);
  to.byte(KINDS.indexOf(counter.kind));
  to.text(counter.currency);
  to.number(counter.windowMs);
  to.number(counter.spent);
  if (counter.sums !== undefined) {
    to.number(counter.sums.step);
    to.byte(counter.sums.sums.length);
    for (const [back, sum] of counter.sums.sums) {
      to.byte(back);
      to.number(sum);
    }
  }
  to.byte(counter.rule === undefined ? 0 : 1);
  if (counter.rule !== undefined) writeRule(to, counter.rule);
}

/** @throws StateUnusable where it is no counter */
export function readCounter(from: RecordReader): SavedCounter {
  const name = from.text();
  const kind = KINDS[from.byte()];
  const currency = from.text();
  const windowMs = from.number();
  const spent = from.number();
  if (kind === undefined || windowMs < 0) throw unreadable();
  let saved: WindowSums | undefined;
  if (windowMs !== 0) {
    const step = from.number();
    const sums = Array.from({ length: from.byte() }, () => [from.byte(), from.number()] as const);
    if (sums.some(([back]) => back > 32)) throw unreadable();
    saved = { step, sums };
  }
  const common = { name, kind, currency, windowMs };
  const rule = from.byte() === 0 ? undefined : readRule(from, common);
  return { ...common, spent, sums: saved, rule };
}
