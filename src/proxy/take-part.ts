import type { AllowedCall } from './allowed-call.ts';

/**
 * Takes room for as much of a piece as there is, after there was none for all of it: each power of two once, the largest
 * first, which is one question for each binary digit of its length. Rejects where `take` does.
 *
 * @returns how many bytes may pass: from the beginning of the piece, and less than all of it
 */
export async function takePart(call: Pick<AllowedCall, 'take'>, bytes: number): Promise<number> {
  let taken = 0;
  for (let step = 2 ** Math.floor(Math.log2(bytes)); step >= 1; step /= 2) {
    if (taken + step >= bytes) continue;
    const room = call.take(step);
    if (typeof room === 'boolean' ? room : await room) taken += step;
  }
  return taken;
}
