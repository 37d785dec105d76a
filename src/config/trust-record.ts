import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { StateUnusable } from '@firma/core';
import { isPrivateDir, readPrivateFile, replacePrivateFile } from './private-file.ts';

const FORMAT = 1;
const MAX_RECORD_BYTES = 4 * 1024 * 1024;

/** SHA-256 in hex by absolute path: a configuration file and every file it names, as they were trusted. */
export type Digests = ReadonlyMap<string, string>;

function recordPath(stateDir: string, configFile: string): string {
  const name = createHash('sha256').update(configFile).digest('hex').slice(0, 32);
  return join(stateDir, 'trust', `${name}.json`);
}

function parseRecord(text: string, file: string, configFile: string): Digests {
  const broken = new StateUnusable('is no trust record; remove it and run `firma trust` again', { file });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw broken;
  }
  if (typeof value !== 'object' || value === null || !('format' in value)) throw broken;
  if (value.format !== FORMAT) {
    throw new StateUnusable(`has a format that this version does not know; it knows ${FORMAT}`, { file });
  }
  if (!('config' in value) || value.config !== configFile || !('files' in value)) throw broken;
  const { files } = value;
  if (typeof files !== 'object' || files === null) throw broken;
  const digests = new Map<string, string>();
  for (const [path, digest] of Object.entries(files)) {
    if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest)) throw broken;
    digests.set(path, digest);
  }
  return digests;
}

/**
 * What `firma trust` wrote down for a configuration file.
 *
 * @param stateDir need not exist
 * @returns undefined where it never was trusted
 * @throws StateUnusable where others could have written the record, or it is damaged
 */
export async function readTrust(stateDir: string, configFile: string): Promise<Digests | undefined> {
  const file = recordPath(stateDir, configFile);
  if (!(await isPrivateDir(stateDir)) || !(await isPrivateDir(join(stateDir, 'trust')))) return undefined;
  const text = await readPrivateFile(file, MAX_RECORD_BYTES);
  return text === undefined ? undefined : parseRecord(text, file, configFile);
}

/** Replaces the record of a configuration file, whole. */
export async function writeTrust(stateDir: string, configFile: string, digests: Digests): Promise<void> {
  const files = Object.fromEntries(digests);
  const text = `${JSON.stringify({ format: FORMAT, config: configFile, files }, undefined, 2)}\n`;
  await replacePrivateFile(recordPath(stateDir, configFile), text);
}
