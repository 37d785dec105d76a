import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';

const projectRoot = fileURLToPath(new URL('..', import.meta.url));
const sharedRoot = resolve(projectRoot, process.env['FIRMA_SHARED'] ?? '../shared');

/** Absolute path of a file of the shared test data: vectors and API surfaces that others wrote. */
export function sharedPath(relative: string): string {
  return resolve(sharedRoot, relative);
}

/** A suite that reads shared data: reported as skipped, by name, where the data is absent. */
export function describeShared(name: string, relative: string, suite: () => void): void {
  describe.skipIf(!existsSync(sharedPath(relative)))(`${name} [shared/${relative}]`, suite);
}
