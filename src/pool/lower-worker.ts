// A lowering thread: one core, then it ends. Nothing here waits at top level, see `startLongTask`.

import { FirmaError, formatLocation, startCedar } from '@firma/core';
import { lowerCore } from './lower-core.ts';
import type { Lowered, LowerTask } from './lower-messages.ts';

/** Tables and policies as they stand in their files become a core: parsed, validated, lowered. */
export function lower({ cedar, sources }: LowerTask): Lowered {
  try {
    startCedar(cedar);
    return { ok: true, core: lowerCore(sources) };
  } catch (error) {
    if (!(error instanceof FirmaError)) {
      const message = error instanceof Error ? error.message : 'unknown error';
      return { ok: false, code: 'START_FAILED', message, at: undefined };
    }
    const { at, code } = error;
    // The place is put in front again where the error is made anew.
    const message = at === undefined ? error.message : error.message.slice(formatLocation(at).length + 2);
    return { ok: false, code, message, at };
  }
}
