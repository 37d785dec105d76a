import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';

const projectRoot = fileURLToPath(new URL('..', import.meta.url));
const sharedRoot = resolve(projectRoot, process.env['FIRMA_SHARED'] ?? '../shared');

/** Absolute path of a file of the shared test data: vectors and API surfaces that others wrote. */
export function sharedPath(relative: string): string {
  return resolve(sharedRoot, relative);
}

/** A suite that reads shared data: reported as skipped, by name, where the data is absent. */
export function describeShared(name: string, relative: string, suite: () => void): void {
  const title = `${name} [shared/${relative}]`;
  if (existsSync(sharedPath(relative))) describe(title, suite);
  // The body of a skipped suite is run all the same, and it reads the data.
  else describe.skip(title, () => it('needs the shared data', () => undefined));
}
