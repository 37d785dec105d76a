import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// Tests import sources; workers and child processes start from `dist`, which `npm test` builds first.
export default defineConfig({
  resolve: { alias: { '@firma/core': here('./native-free-core/index.ts') } },
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', './test/summary-reporter.ts'],
    pool: 'forks',
    // Compiling Cedar's WebAssembly a second time, for speed, costs each test file more than it gains.
    execArgv: ['--liftoff-only'],
    // Many tests wait for child processes; by itself vitest leaves a core idle.
    maxWorkers: '100%',
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
