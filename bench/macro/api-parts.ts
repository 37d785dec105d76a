import { measureClosedLoop } from './closed-loop.ts';
import { measureOpenLoop } from './open-loop.ts';
import { measureOverload } from './overload.ts';
import { measurePlacements } from './placement.ts';
import { hasWrk } from './wrk.ts';

export const API_PARTS = ['closed', 'open', 'overload', 'placement'] as const;

/** What is measured of the decision API. */
export type ApiPart = (typeof API_PARTS)[number];

export function isApiPart(text: string): text is ApiPart {
  return API_PARTS.some((part) => part === text);
}

/** Measures one part. @param quick less and shorter: for a look, not for a result @returns lines of Markdown */
export async function measureApi(part: ApiPart, quick: boolean): Promise<readonly string[]> {
  if (!hasWrk()) return ['Skipped: `wrk` is not installed, and the load of a closed loop is its.'];
  switch (part) {
    case 'closed':
      return measureClosedLoop(quick ? { rounds: 2, seconds: 3 } : { rounds: 5, seconds: 6 });
    case 'open':
      return measureOpenLoop(quick ? { rounds: 1, seconds: 5 } : { rounds: 2, seconds: 60 });
    case 'overload':
      return measureOverload({ seconds: quick ? 3 : 10 });
    case 'placement':
      return measurePlacements(quick ? { rounds: 2, seconds: 3 } : { rounds: 5, seconds: 6 });
  }
}
