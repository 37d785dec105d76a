import type { BudgetUse, SessionDetail, SessionSummary } from '@firma/core';
import { sessionKeyOf } from '@firma/core';

/** A session as people see it in a list. Plain data. */
export interface SessionView {
  /** What its state and its open transports hang on. */
  readonly key: string;
  readonly iss: string;
  readonly agent: string;
  readonly sid: string;
  /** Unix milliseconds. */
  readonly startMs: number;
  /** Decisions about calls of it. */
  readonly calls: number;
  readonly allows: number;
  readonly denies: number;
  /** Calls that are not over. */
  readonly inFlight: number;
  /** Class of the last allowed call; empty before it. */
  readonly lastClass: string;
  /** Why it was ended; undefined while it goes on. */
  readonly aborted: string | undefined;
}

/** One budget and what a session sees of it. */
export interface BudgetView extends BudgetUse {
  readonly remaining: number;
}

/** Everything that is known of a session. */
export interface SessionDetailView extends SessionView {
  readonly classes: readonly string[];
  readonly hosts: readonly string[];
  /** Labels of credentials. */
  readonly injected: readonly string[];
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
    startMs,
    calls: allows + denies,
    allows,
    denies,
    inFlight: openCalls,
    lastClass,
    aborted: abortReason,
  };
}

export function detailViewOf(session: SessionDetail): SessionDetailView {
  const { classes, hosts, injected, sentBytes, receivedBytes, amounts, budgets } = session;
  return {
    ...viewOf(session),
    classes,
    hosts,
    injected,
    bytesSent: sentBytes,
    bytesReceived: receivedBytes,
    amounts: Object.fromEntries(amounts.map(({ currency, amount }) => [currency, amount])),
    budgets: budgets.map((use) => ({ ...use, remaining: use.limit - use.committed - use.held })),
  };
}
