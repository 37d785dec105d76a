import type { Contestant } from './contestant.ts';

/** Cumulative counts of a Prometheus histogram by upper bound, the lowest first; the last is Infinity. */
export type Buckets = ReadonlyMap<number, number>;

const TIMEOUT_MS = 5_000;

/** The buckets of one histogram, those of all its labels together. @returns undefined where the text has none */
export function parseBuckets(text: string, name: string): Buckets | undefined {
  const counts = new Map<number, number>();
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}_bucket{`)) continue;
    const [, bound = ''] = /[{,]le="([^"]+)"/.exec(line) ?? [];
    const upper = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
    const count = Number(
      line
        .slice(line.lastIndexOf('}') + 1)
        .trim()
        .split(' ')[0],
    );
    counts.set(upper, (counts.get(upper) ?? 0) + count);
  }
  if (counts.size === 0) return undefined;
  return new Map([...counts].sort(([left], [right]) => left - right));
}

/** The upper bound of the bucket in which a share, 0 to 1, of what came between two scrapes lies; in the histogram's unit. */
export function quantileOf(before: Buckets, after: Buckets, share: number): number {
  const came = (bound: number): number => (after.get(bound) ?? 0) - (before.get(bound) ?? 0);
  const all = came(Number.POSITIVE_INFINITY);
  if (all === 0) return Number.NaN;
  for (const bound of after.keys()) if (came(bound) >= all * share) return bound;
  return Number.NaN;
}

/** A histogram at `/metrics`. @returns undefined where the server has none */
export async function scrape(
  { host, port }: Pick<Contestant, 'host' | 'port'>,
  name: string,
): Promise<Buckets | undefined> {
  try {
    const response = await fetch(`http://${host}:${port}/metrics`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return response.ok ? parseBuckets(await response.text(), name) : undefined;
  } catch {
    return undefined;
  }
}
