import { FirmaError, PolicyInvalid } from '../errors.ts';

/**
 * Does what hands policies to cedar-wasm.
 *
 * @throws PolicyInvalid also where cedar-wasm fails instead of answering. It may fail on everything afterwards, so a
 *   thread that has more to do than to report should end.
 */
export function loadingPolicies<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (error instanceof FirmaError) throw error;
    throw new PolicyInvalid(
      'cedar fails on these policies and does not say where; load half of them, and half of that, to find the one, and split it',
    );
  }
}
