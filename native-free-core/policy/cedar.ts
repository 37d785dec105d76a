import { initSync } from '@cedar-policy/cedar-wasm/web';
import { StartFailed } from '../errors.ts';

/** The compiled `cedar_wasm_bg.wasm` of the installed cedar-wasm. */
export type CedarModule = WebAssembly.Module;

let started = false;

/**
 * Starts cedar-wasm in this thread. Calling it again does nothing.
 *
 * The host compiles the module once and posts it to its workers; each thread has its own instance.
 */
export function startCedar(module: CedarModule): void {
  if (started) return;
  initSync({ module });
  started = true;
}

/** @throws StartFailed where `startCedar` was not called in this thread */
export function assertCedarStarted(): void {
  if (!started) throw new StartFailed('cedar is not started in this thread; call `startCedar` first');
}
