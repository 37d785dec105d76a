import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { CedarModule } from '@firma/core';

// Node has it, but its type package leaves it to the DOM's.
declare const WebAssembly: { readonly Module: new (bytes: Uint8Array) => CedarModule };

let compiled: CedarModule | undefined;

/**
 * Cedar's WebAssembly, compiled once a process: what `startCedar` takes, and what is posted to workers.
 *
 * Cost: 20 ms the first time.
 */
export function cedarModule(): CedarModule {
  if (compiled === undefined) {
    // Node 20 aborts where a function into which such a call was inlined is deoptimized during it: some 10,000 policies
    // parsed one after the other do it every time.
    if (process.version.startsWith('v20.')) setFlagsFromString('--no-turbo-inline-js-wasm-calls');
    // The package belongs to the core, and its web build can be imported only: its CommonJS build stands beside it.
    const fromHere = createRequire(import.meta.url);
    const fromCore = createRequire(fromHere.resolve('@firma/core'));
    const beside = fromCore.resolve('@cedar-policy/cedar-wasm/nodejs');
    compiled = new WebAssembly.Module(readFileSync(join(dirname(beside), '..', 'web', 'cedar_wasm_bg.wasm')));
  }
  return compiled;
}
