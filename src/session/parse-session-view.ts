import type { SessionPage } from './control-messages.ts';
import type { BudgetView, SessionDetailView, SessionView } from './session-view.ts';

type Fields = Readonly<Record<string, unknown>>;

const TEXTS = ['key', 'iss', 'agent', 'sid', 'lastClass'] as const;
const NUMBERS = ['startMs', 'allows', 'denies', 'open'] as const;
const CURSOR = /^[0-9]{1,16}$/;
const BUDGET_NUMBERS = ['limit', 'committed', 'held', 'remaining'] as const;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isView(value: unknown): value is SessionView {
  if (!isFields(value)) return false;
  const { aborted } = value;
  return (
    TEXTS.every((name) => typeof value[name] === 'string') &&
    NUMBERS.every((name) => typeof value[name] === 'number') &&
    (aborted === undefined || typeof aborted === 'string')
  );
}

function isBudget(value: unknown): value is BudgetView {
  return (
    isFields(value) &&
    typeof value['name'] === 'string' &&
    typeof value['kind'] === 'string' &&
    typeof value['per'] === 'string' &&
    BUDGET_NUMBERS.every((name) => typeof value[name] === 'number') &&
    ['string', 'undefined'].includes(typeof value['currency']) &&
    ['number', 'undefined'].includes(typeof value['windowMs'])
  );
}

function isDetail(value: unknown): value is SessionDetailView {
  if (!isView(value) || !isFields(value)) return false;
  const { amounts, budgets, bytesReceived, bytesSent, classes, hosts, injected } = value;
  return (
    [classes, hosts, injected].every(isTexts) &&
    [bytesReceived, bytesSent].every((bytes) => typeof bytes === 'number') &&
    isFields(amounts) &&
    Object.values(amounts).every((amount) => typeof amount === 'number') &&
    Array.isArray(budgets) &&
    budgets.every(isBudget)
  );
}

/** @returns undefined where the answer to `GET /v1/sessions` is no page of sessions */
export function parseSessionPage(value: unknown): SessionPage | undefined {
  if (!isFields(value)) return undefined;
  const { sessions, next } = value;
  if (!Array.isArray(sessions) || !sessions.every(isView)) return undefined;
  if (next === undefined) return { sessions, next };
  return typeof next === 'string' && CURSOR.test(next) ? { sessions, next: Number(next) } : undefined;
}

/** @returns undefined where the answer to `GET /v1/sessions/<sid>` is no session */
export function parseSessionDetail(value: unknown): SessionDetailView | undefined {
  return isDetail(value) ? value : undefined;
}
