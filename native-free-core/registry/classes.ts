// The closed list of action classes (semantics §1). Adding one is a change to this table and a release.

export type Risk = 'low' | 'medium' | 'high' | 'critical';

/** `read` changes nothing upstream; `mixed` covers both; everything else is `change`. */
export type Effect = 'read' | 'mixed' | 'change';

interface ClassRow {
  readonly risk: Risk;
  readonly effect: Effect;
  /** One of the 15 base classes. */
  readonly base: boolean;
  readonly meaning: string;
}

// The order of this table is the tie-breaker between readings of equal risk, and the index used in bit sets.
const TABLE = {
  'account.permission.change': {
    risk: 'critical',
    effect: 'change',
    base: true,
    meaning: 'roles, grants, delegates, webhooks, members, deploy keys',
  },
  'browser.purchase': {
    risk: 'high',
    effect: 'change',
    base: true,
    meaning: 'buying through a browser flow',
  },
  'communication.external.send': {
    risk: 'high',
    effect: 'mixed',
    base: true,
    meaning: 'a message or data to an outside system; calls to model providers; gists, pastes, webhooks',
  },
  'communication.internal.send': {
    risk: 'medium',
    effect: 'change',
    base: true,
    meaning: 'a message inside the trust boundary',
  },
  'credential.read': {
    risk: 'medium',
    effect: 'read',
    base: true,
    meaning: 'reading a secret or its metadata',
  },
  'credential.write': {
    risk: 'critical',
    effect: 'change',
    base: true,
    meaning: 'creating, rotating, storing or deleting a secret',
  },
  'filesystem.delete': { risk: 'high', effect: 'change', base: true, meaning: 'deleting file-like things' },
  'filesystem.read': { risk: 'low', effect: 'read', base: true, meaning: 'reading file-like things' },
  'filesystem.write': { risk: 'medium', effect: 'change', base: true, meaning: 'writing file-like things' },
  'memory.cross_namespace.read': {
    risk: 'medium',
    effect: 'read',
    base: true,
    meaning: "reading another namespace's agent memory",
  },
  'memory.cross_namespace.write': {
    risk: 'high',
    effect: 'change',
    base: true,
    meaning: "writing another namespace's agent memory",
  },
  'payment.purchase': { risk: 'high', effect: 'change', base: true, meaning: 'buying goods or services' },
  'payment.transfer': { risk: 'critical', effect: 'change', base: true, meaning: 'moving value' },
  'system.execute': {
    risk: 'critical',
    effect: 'change',
    base: true,
    meaning: 'running something: a command, a workflow dispatch, a codespace; a bounded last resort',
  },
  'system.install': {
    risk: 'high',
    effect: 'mixed',
    base: true,
    meaning: 'installing a package or dependency',
  },
  'code.read': { risk: 'low', effect: 'read', base: false, meaning: 'repository content and metadata' },
  'code.review.read': {
    risk: 'low',
    effect: 'read',
    base: false,
    meaning: 'reading the pull-request surface',
  },
  'code.review.submit': {
    risk: 'medium',
    effect: 'change',
    base: false,
    meaning: 'submitting or changing a review',
  },
  'code.write': {
    risk: 'high',
    effect: 'change',
    base: false,
    meaning: 'changing code, opening or updating pull requests, pushing refs',
  },
  'code.destructive': {
    risk: 'high',
    effect: 'change',
    base: false,
    meaning: 'deleting files, refs, branches, releases',
  },
  'code.merge': { risk: 'critical', effect: 'change', base: false, meaning: 'merging' },
  'issue.read': {
    risk: 'low',
    effect: 'read',
    base: false,
    meaning: 'reading issues, comments, labels, milestones, discussions, projects',
  },
  'issue.write': {
    risk: 'medium',
    effect: 'change',
    base: false,
    meaning: 'changing issues, comments, labels, milestones, discussions, projects',
  },
  'notification.manage': {
    risk: 'low',
    effect: 'mixed',
    base: false,
    meaning: 'notifications, subscriptions, stars, watches',
  },
  'security.alert.read': {
    risk: 'medium',
    effect: 'read',
    base: false,
    meaning: 'code-, secret- and dependency-scanning alerts and advisories',
  },
  'repo.lifecycle': {
    risk: 'medium',
    effect: 'change',
    base: false,
    meaning: 'creating, forking or importing a repository',
  },
  'repo.admin': {
    risk: 'critical',
    effect: 'change',
    base: false,
    meaning: 'settings, protection, rulesets, deletion, transfer',
  },
  'payment.read': {
    risk: 'low',
    effect: 'read',
    base: false,
    meaning: 'balances, charges, payouts, disputes, events, reports',
  },
  'payment.cancel': { risk: 'high', effect: 'change', base: false, meaning: 'cancelling a payment' },
  'payment.refund': { risk: 'high', effect: 'change', base: false, meaning: 'refunding a payment' },
  'payment.payout': {
    risk: 'critical',
    effect: 'change',
    base: false,
    meaning: 'payouts, transfers, reversals',
  },
  'payment.dispute': {
    risk: 'high',
    effect: 'change',
    base: false,
    meaning: 'answering or closing a dispute',
  },
  'payment.subscription': {
    risk: 'high',
    effect: 'change',
    base: false,
    meaning: 'subscriptions and invoices',
  },
  'payment.method.setup': { risk: 'medium', effect: 'mixed', base: false, meaning: 'setup intents' },
  'payment.method.manage': {
    risk: 'medium',
    effect: 'mixed',
    base: false,
    meaning: 'stored payment methods',
  },
  'payment.catalog.write': {
    risk: 'medium',
    effect: 'change',
    base: false,
    meaning: 'products, prices, coupons, payment links',
  },
  'payment.tax': { risk: 'medium', effect: 'mixed', base: false, meaning: 'tax' },
  'customer.read': { risk: 'low', effect: 'read', base: false, meaning: 'reading customers' },
  'customer.write': { risk: 'medium', effect: 'change', base: false, meaning: 'changing customers' },
  'communication.external.read': { risk: 'low', effect: 'read', base: false, meaning: 'reading mail' },
  'communication.external.draft': { risk: 'medium', effect: 'change', base: false, meaning: 'drafting mail' },
  'communication.external.manage': {
    risk: 'medium',
    effect: 'change',
    base: false,
    meaning: 'labelling, moving and trashing mail',
  },
  'communication.external.delete': {
    risk: 'high',
    effect: 'change',
    base: false,
    meaning: 'deleting mail for good',
  },
  'communication.external.filter': {
    risk: 'critical',
    effect: 'change',
    base: false,
    meaning: 'server-side mail filters, which can forward mail',
  },
} as const satisfies Record<string, ClassRow>;

export type ActionClass = keyof typeof TABLE;

export interface ActionClassInfo extends ClassRow {
  readonly name: ActionClass;
  /** Position in the list, 0 to 43. */
  readonly index: number;
  /** The part before the first dot: a Cedar action group, written `payment.*` in tokens and budgets. */
  readonly category: string;
  /** 0 (low) to 3 (critical). */
  readonly riskRank: number;
}

const RISK_RANK: Readonly<Record<Risk, number>> = { low: 0, medium: 1, high: 2, critical: 3 };

function categoryOf(name: string): string {
  return name.slice(0, name.indexOf('.'));
}

/** All 44 classes, in the order of the list. */
export const ACTION_CLASSES: readonly ActionClassInfo[] = Object.freeze(
  (Object.keys(TABLE) as ActionClass[]).map((name, index) =>
    Object.freeze({
      name,
      index,
      category: categoryOf(name),
      riskRank: RISK_RANK[TABLE[name].risk],
      ...TABLE[name],
    }),
  ),
);

/** Order of a sort: highest risk first, ties by the order of the list. */
export function compareRisk(left: ActionClassInfo, right: ActionClassInfo): number {
  return right.riskRank - left.riskRank || left.index - right.index;
}

/** The categories, in the order of their first class. */
export const CATEGORIES: readonly string[] = Object.freeze([
  ...new Set(ACTION_CLASSES.map((info) => info.category)),
]);

const BY_NAME: ReadonlyMap<string, ActionClassInfo> = new Map(
  ACTION_CLASSES.map((info) => [info.name, info]),
);

/** The class of that name, or undefined: the vocabulary is closed. */
export function findActionClass(name: string): ActionClassInfo | undefined {
  return BY_NAME.get(name);
}

/**
 * The classes a word names: one class, or all of a category written `payment.*`.
 *
 * @returns undefined where the word names nothing
 */
export function expandActionWord(word: string): readonly ActionClassInfo[] | undefined {
  const exact = BY_NAME.get(word);
  if (exact !== undefined) return [exact];
  if (!word.endsWith('.*')) return undefined;
  const category = word.slice(0, -2);
  const members = ACTION_CLASSES.filter((info) => info.category === category);
  return members.length === 0 ? undefined : members;
}

/** A set of classes as one byte each, indexed by `ActionClassInfo.index`: what the hot path reads. */
export type ClassSet = Uint8Array;

export function classSet(classes: Iterable<ActionClassInfo>): ClassSet {
  const set = new Uint8Array(ACTION_CLASSES.length);
  for (const info of classes) set[info.index] = 1;
  return set;
}
