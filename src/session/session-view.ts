import type { BudgetInput, BudgetUse, SessionDetail, SessionSummary } from '@firma/core';
import { sessionKeyOf } from '@firma/core';

/** A session as people see it in a list. Plain data. */
export interface SessionView {
  /** What its state and its open transports hang on. */
  readonly key: string;
  readonly iss: string;
  readonly agent: string;
  readonly sid: string;
  /** Unix milliseconds, a whole number. */
  readonly startMs: number;
  readonly allows: number;
  readonly denies: number;
  /** Calls that are not over. */
  readonly open: number;
  /** Class of the last allowed call; empty before it. */
  readonly lastClass: string;
  /** Why it was ended; undefined while it goes on. */
  readonly aborted: string | undefined;
}

/** One budget and what a session sees of it. */
export interface BudgetView extends BudgetUse {
  /** Of an amount; undefined also where only a token says it. */
  readonly currency: string | undefined;
  /** Never below zero, also where the limit was lowered since. */
  readonly remaining: number;
}

/** Everything that is known of a session. */
export interface SessionDetailView extends SessionView {
  readonly classes: readonly string[];
  readonly hosts: readonly string[];
  /** Labels of credentials. */
  readonly injected: readonly string[];
  /** Of calls that are over. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Committed, in minor units, by currency. */
  readonly amounts: Readonly<Record<string, number>>;
  readonly budgets: readonly BudgetView[];
}

export function viewOf(session: SessionSummary): SessionView {
  const { iss, sub, sid, startMs, allows, denies, openCalls, lastClass, abortReason } = session;
  return {
    key: sessionKeyOf(iss, sub, sid),
    iss,
    agent: sub,
    sid,
    startMs: Math.floor(startMs),
    allows,
    denies,
    open: openCalls,
    lastClass,
    aborted: abortReason,
  };
}

/** @param rules the configured budgets: those that count another agent are left out */
export function detailViewOf(session: SessionDetail, rules: readonly BudgetInput[]): SessionDetailView {
  const { classes, hosts, injected, sentBytes, receivedBytes, amounts, budgets } = session;
  return {
    ...viewOf(session),
    classes,
    hosts,
    injected,
    bytesSent: sentBytes,
    bytesReceived: receivedBytes,
    amounts: Object.fromEntries(amounts.map(({ currency, amount }) => [currency, amount])),
    budgets: budgets.flatMap((use) => {
      const rule = rules.find(({ name }) => name === use.name);
      if (rule?.agent !== undefined && rule.agent !== session.sub) return [];
      const remaining = Math.max(0, use.limit - use.committed - use.held);
      return [{ ...use, currency: rule?.currency, remaining }];
    }),
  };
}
