import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';

const made: string[] = [];

afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

/** A directory of mode 0700 that is gone after the test. */
export function scratchDir(): string {
  const path = mkdtempSync(join(tmpdir(), 'firma-test-'));
  made.push(path);
  return path;
}
