import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';
import type { ErrorCode } from '../../native-free-core/errors.ts';
import { FirmaError } from '../../native-free-core/errors.ts';

const made: string[] = [];

afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

/** A directory (mode 0700) that stays until it is removed: for what several tests share. */
export function makeLastingDir(files: Readonly<Record<string, string>>): {
  root: string;
  remove: () => void;
} {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'firma-test-')));
  for (const [name, text] of Object.entries(files)) write(join(root, name), text);
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}

/** A directory (mode 0700) of one test, gone when the test is over. */
export function makeDir(files: Readonly<Record<string, string>> = {}): string {
  const { root } = makeLastingDir(files);
  made.push(root);
  return root;
}

export function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What a refused operation says: its code and its message. Anything but a `FirmaError` is thrown on. */
export async function refusalOf(work: Promise<unknown>): Promise<{ code: ErrorCode; message: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof FirmaError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('it was not refused');
}
