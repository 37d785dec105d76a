import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseVerifierKey, StateUnusable, verifyLog } from '@firma/core';
import type { LogReport } from '@firma/core';
import { sha256, verifyEd25519 } from '../store/ed25519.ts';
import { hashesFile, listEventFiles, readCheckpoints, readEvents } from '../store/log-files.ts';
import { isInUse } from '../store/run-lock.ts';

/** Leaf hashes beyond this are not read: a problem is then named by its checkpoint interval. 8 million records. */
const MAX_HASH_BYTES = 256 * 1024 * 1024;

export interface VerifyRunOptions {
  /** `<name>+<hash>+<key>`, the text of the key's `.vkey` file. */
  readonly verifierKey: string;
  /** The note of a checkpoint of this log kept elsewhere: a log cut back to an earlier one is found against it. */
  readonly knownCheckpoint?: string | undefined;
}

async function readHashes(runDir: string, firsts: readonly number[]): Promise<Uint8Array | undefined> {
  const paths = firsts.map((first) => join(runDir, hashesFile(first)));
  try {
    const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
    if (sizes.reduce((sum, size) => sum + size, 0) > MAX_HASH_BYTES) return undefined;
    return Buffer.concat(await Promise.all(paths.map((path) => readFile(path))));
  } catch {
    // They are a help for naming a record, not evidence; without them the interval is named.
    return undefined;
  }
}

/**
 * Verifies the log of one run directory; also while its sidecar is writing it.
 *
 * @throws LogInvalid where the verifier key is none, StateUnusable where there is no log or it cannot be read
 */
export async function verifyRunLog(runDir: string, options: VerifyRunOptions): Promise<LogReport> {
  const verifierKey = parseVerifierKey(options.verifierKey.trim(), sha256);
  const isGrowing = await isInUse(runDir);
  const firsts = await listEventFiles(runDir);
  if (firsts.length === 0) throw new StateUnusable('holds no audit log', { file: runDir });
  // In this order: a log that grows meanwhile has at least the records of the checkpoints that are read.
  const checkpoints = await readCheckpoints(runDir);
  const log = await readEvents(runDir, firsts);
  return verifyLog({
    log,
    checkpoints,
    verifierKey,
    knownCheckpoint: options.knownCheckpoint,
    sha256,
    verify: verifyEd25519,
    leafHashes: () => readHashes(runDir, firsts),
    isGrowing,
  });
}
