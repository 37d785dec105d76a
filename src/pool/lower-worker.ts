// A lowering thread: one bundle, then it ends. Nothing here waits at top level, see `startLongTask`.

import { FirmaError, formatLocation, loadBundle, startCedar } from '@firma/core';
import type { Lowered, LowerTask } from './lower-messages.ts';

/** Policies as they stand in their files become a bundle: parsed, validated, lowered. */
export function lower({ cedar, policies, inputs }: LowerTask): Lowered {
  try {
    startCedar(cedar);
    return { ok: true, bundle: loadBundle(policies, inputs) };
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
