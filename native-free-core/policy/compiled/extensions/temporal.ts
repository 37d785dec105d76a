import type { Value } from '../value.ts';
import { Datetime } from './datetime.ts';
import { Duration } from './duration.ts';

/**
 * The order of two datetimes or of two durations, which Cedar compares by `<`, `<=`, `>` and `>=` as it does Longs.
 *
 * @returns undefined for every other pair, also for a datetime and a duration
 */
export function compareTemporal(a: Value, b: Value): -1 | 0 | 1 | undefined {
  if (a instanceof Datetime) return b instanceof Datetime ? a.compareTo(b) : undefined;
  return a instanceof Duration && b instanceof Duration ? a.compareTo(b) : undefined;
}
