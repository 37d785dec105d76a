import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigInvalid } from '@firma/core';
import { errorCode } from './private-file.ts';

const FILE_NAME = 'firma.toml';

/** Where a command starts looking. */
export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

function cannotRead(file: string, error: unknown): ConfigInvalid {
  const code = errorCode(error) ?? 'unknown error';
  return new ConfigInvalid(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`, { file });
}

async function exists(file: string): Promise<boolean> {
  try {
    // A link to nowhere is there, too: reading it will say so.
    await lstat(file);
    return true;
  } catch (error) {
    // Only what is surely not there is passed over: a file that cannot be read may forbid something.
    if (errorCode(error) === 'ENOENT') return false;
    throw cannotRead(file, error);
  }
}

async function nearest(from: string): Promise<string | undefined> {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const file = join(folder, FILE_NAME);
    if (await exists(file)) return file;
    if (dirname(folder) === folder) return undefined;
  }
}

/**
 * One name for one file: the directory without links, so that trust does not depend on the way it was reached.
 * The last step is kept, because its target may be exchanged on purpose and is checked by digest anyway.
 */
async function canonical(file: string): Promise<string> {
  try {
    return join(await realpath(dirname(file)), basename(file));
  } catch (error) {
    throw cannotRead(file, error);
  }
}

/**
 * The configuration file in force (semantics §8): the one asked for, else `FIRMA_CONFIG`, else the nearest
 * `firma.toml` upwards.
 *
 * @returns an absolute path, or undefined where there is none and the built-in defaults hold
 * @throws ConfigInvalid where a file that was asked for does not exist
 */
export async function findConfig(
  asked: string | undefined,
  around: Surroundings,
): Promise<string | undefined> {
  const fromEnv = around.env['FIRMA_CONFIG'];
  const named = asked ?? (fromEnv === '' ? undefined : fromEnv);
  if (named === '') throw new ConfigInvalid('`--config` names no file');
  if (named === undefined) {
    const found = await nearest(around.cwd);
    return found === undefined ? undefined : canonical(found);
  }
  const file = resolve(around.cwd, named);
  if (!(await exists(file))) {
    throw new ConfigInvalid(`does not exist${asked === undefined ? '; `FIRMA_CONFIG` names it' : ''}`, {
      file,
    });
  }
  return canonical(file);
}
