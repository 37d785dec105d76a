import { ConfigInvalid } from '@firma/core';
import { table } from '../figures.ts';
import {
  alternate,
  busyCells,
  BUSY_HEADS,
  type LoopOptions,
  quoted,
  quotedPercent,
  ratios,
  throughputs,
} from './closed-loop.ts';
import type { Contestant } from './contestant.ts';
import { type BenchSidecar, startBenchSidecar } from './sidecar.ts';

const PLACEMENTS = [
  { workers: 1, placement: 'inline' },
  { workers: 2, placement: 'inline' },
  { workers: 1, placement: 'pool' },
  { workers: 2, placement: 'pool' },
] as const;

type Placement = (typeof PLACEMENTS)[number];

/** @returns undefined where the configuration does not know the keys */
async function startPlaced({ workers, placement }: Placement): Promise<BenchSidecar | undefined> {
  try {
    const sidecar = await startBenchSidecar({
      policies: 10,
      ingress: `workers = ${workers}\nplacement = "${placement}"`,
    });
    return { ...sidecar, name: `${placement}, workers ${workers}`, threads: workers === 1 ? 'one' : 'many' };
  } catch (error) {
    if (error instanceof ConfigInvalid) return undefined;
    throw error;
  }
}

/** Where decisions are made, and by how many threads: throughput side by side. */
export async function measurePlacements(options: LoopOptions): Promise<readonly string[]> {
  const open: Contestant[] = [];
  const skipped: string[] = [];
  try {
    for (const wanted of PLACEMENTS) {
      const sidecar = await startPlaced(wanted);
      if (sidecar !== undefined) open.push(sidecar);
      else
        skipped.push(
          `Skipped: the configuration does not take \`placement = "${wanted.placement}"\` with ${wanted.workers} workers.`,
        );
    }
    const [inline, ...others] = await alternate(open, options);
    if (inline === undefined) return skipped;
    const rows = [inline, ...others].map((samples, at) => [
      open[at]?.name ?? '',
      quoted(throughputs(samples), 1),
      quotedPercent(ratios(samples, inline)),
      ...busyCells(samples),
    ]);
    return [
      ...table(
        ['placement', '1,000 requests/s', 'of the first (asked of pool: ≥ 40 %)', ...BUSY_HEADS],
        rows,
      ),
      ...skipped.flatMap((line) => ['', line]),
    ];
  } finally {
    for (const contestant of open) await contestant.close();
  }
}
