// A sidecar without its log, which the product does not offer: it shows what the log costs. The same process as
// `firma sidecar`, but for `drop-records.ts` in every thread. Only `bench/macro/` starts it.

import { createRequire } from 'node:module';
import type workerThreads from 'node:worker_threads';

const DROP_RECORDS = new URL('drop-records.js', import.meta.url).href;

// What ends up in the module's own object is what the pool's threads are made with.
const threads: { Worker: typeof workerThreads.Worker } = createRequire(import.meta.url)(
  'node:worker_threads',
);
const { Worker } = threads;
threads.Worker = class extends Worker {
  constructor(file: string | URL, options: workerThreads.WorkerOptions = {}) {
    super(file, { ...options, execArgv: ['--import', DROP_RECORDS] });
  }
};

await import(DROP_RECORDS);
await import('../../src/sidecar-process.ts');
