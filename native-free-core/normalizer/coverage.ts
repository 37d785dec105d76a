import { ACTION_CLASSES, compareRisk, type ActionClassInfo } from '../registry/classes.ts';
import type { Mappings } from './mappings.ts';
import { Normalizer } from './normalizer.ts';
import { writtenOperation, type PublishedOperation } from './operations-list.ts';

/** What `firma mapping coverage --json` prints (semantics §8). */
export interface Coverage {
  readonly total: number;
  readonly classified: number;
  /** `METHOD host/path` of each, in the order of the list. */
  readonly unclassified: readonly string[];
  /** Number of operations by class, those that occur, in the order of the classes. */
  readonly by_class: Readonly<Record<string, number>>;
  /** Number of operations by risk, the highest first. */
  readonly by_risk: Readonly<Record<string, number>>;
}

/** An operation whose class differs between two sets of tables; undefined where no rule matches it. */
export interface ClassChange {
  readonly operation: PublishedOperation;
  readonly from: ActionClassInfo | undefined;
  readonly to: ActionClassInfo | undefined;
}

const NO_HEADERS: ReadonlyMap<string, readonly string[]> = new Map();

/** How many of a list of operations a set of tables classifies, and how. */
export function coverageOf(mappings: Mappings, operations: readonly PublishedOperation[]): Coverage {
  const normalizer = new Normalizer(mappings);
  const counts = new Map<ActionClassInfo, number>();
  const unclassified: string[] = [];
  for (const operation of operations) {
    const found = classOf(normalizer, operation);
    if (found === undefined) unclassified.push(writtenOperation(operation));
    else counts.set(found, (counts.get(found) ?? 0) + 1);
  }
  const risks: Record<string, number> = { critical: 0, high: 0, medium: 0, low: 0 };
  for (const [{ risk }, count] of counts) risks[risk] = (risks[risk] ?? 0) + count;
  return {
    total: operations.length,
    classified: operations.length - unclassified.length,
    unclassified,
    by_class: Object.fromEntries(
      ACTION_CLASSES.flatMap((info) => {
        const count = counts.get(info);
        return count === undefined ? [] : [[info.name, count]];
      }),
    ),
    by_risk: risks,
  };
}

/** The operations whose class two sets of tables disagree about, sorted by host, path and method. */
export function classChanges(
  before: Mappings,
  after: Mappings,
  operations: readonly PublishedOperation[],
): readonly ClassChange[] {
  const older = new Normalizer(before);
  const newer = new Normalizer(after);
  return operations
    .map((operation) => ({ operation, from: classOf(older, operation), to: classOf(newer, operation) }))
    .filter(({ from, to }) => from !== to)
    .sort((left, right) => (sortKey(left) < sortKey(right) ? -1 : 1));
}

function sortKey({ operation: { method, host, path } }: ClassChange): string {
  return `${host}${path} ${method}`;
}

/**
 * The class of an operation before its body is read: of its readings the strictest. Where a body decides, the
 * strictest it can come to.
 */
function classOf(
  normalizer: Normalizer,
  { method, host, filledPath }: PublishedOperation,
): ActionClassInfo | undefined {
  const matched = normalizer.match({
    method,
    scheme: 'https',
    hostPort: host,
    target: filledPath,
    headers: NO_HEADERS,
    transport: 'in-process',
    bodyLength: undefined,
  });
  if ('refused' in matched) return undefined;
  const [strictest] = [matched.first, ...matched.others]
    .map(({ mapped: { rule } }) => rule.refinement?.strictest ?? rule.actionClass)
    .sort(compareRisk);
  return strictest;
}
