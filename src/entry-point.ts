import { createRequire } from 'node:module';

const resolve = createRequire(import.meta.url).resolve;

/**
 * The built file of a worker or child process, e.g. `store/writer-process.js`.
 *
 * Threads and processes always start from `dist`, also when the caller runs from source under the test runner.
 */
export function entryPoint(path: string): string {
  return resolve(`#dist/${path}`);
}
