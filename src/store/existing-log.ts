import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { proveLog, StateUnusable } from '@firma/core';
import type { LogProof, MerkleTree, VerifierKey } from '@firma/core';
import { sha256, verifyEd25519 } from './ed25519.ts';
import { hashesFile, listEventFiles, readCheckpoints, readEvents } from './log-files.ts';

const BATCH_HASHES = 4096;

/** A log that was found and can be gone on with. */
export interface ExistingLog {
  readonly tree: MerkleTree;
  /** Where the last whole record and the last whole checkpoint end. */
  readonly eventBytes: number;
  readonly checkpointBytes: number;
  readonly discardedBytes: number;
  /** Records that no checkpoint covers yet. */
  readonly uncovered: number;
}

/** Writes leaf hashes to a draft that replaces the kept ones once the log is known to be good. */
class HashDraft {
  readonly #path: string;
  readonly #fd: number;
  readonly #batch = Buffer.alloc(BATCH_HASHES * 32);
  #used = 0;

  constructor(path: string) {
    this.#path = `${path}.tmp`;
    this.#fd = openSync(this.#path, 'w', 0o600);
  }

  add(leaf: Uint8Array): void {
    this.#batch.set(leaf, this.#used);
    this.#used += leaf.length;
    if (this.#used === this.#batch.length) this.#flush();
  }

  keep(path: string): void {
    this.#flush();
    closeSync(this.#fd);
    renameSync(this.#path, path);
  }

  drop(): void {
    closeSync(this.#fd);
    rmSync(this.#path, { force: true });
  }

  #flush(): void {
    for (let at = 0; at < this.#used;) at += writeSync(this.#fd, this.#batch, at, this.#used - at);
    this.#used = 0;
  }
}

function assertUsable(proof: LogProof, origin: string, runDir: string): void {
  const refuse = (why: string): StateUnusable =>
    new StateUnusable(
      `the log here ${why}; look at it with \`firma audit verify\`, then move the directory away`,
      {
        file: runDir,
      },
    );
  if (!proof.intact) throw refuse(proof.problems[0]?.detail ?? 'does not verify');
  if (proof.origin !== origin) throw refuse(`is \`${proof.origin ?? ''}\` and not \`${origin}\``);
}

/**
 * Verifies the log of a run directory and says where it goes on.
 *
 * @returns undefined where there is none, or one whose making never ended (no checkpoint, at most its first record)
 * @throws StateUnusable where it does not verify with this key, or is of another origin
 */
export async function openExistingLog(
  runDir: string,
  key: VerifierKey,
  origin: string,
): Promise<ExistingLog | undefined> {
  const firsts = await listEventFiles(runDir);
  if (firsts.some((first) => first !== 0)) {
    throw new StateUnusable('holds a log of several event files, which this version cannot go on with', {
      file: runDir,
    });
  }
  const hashesPath = join(runDir, hashesFile(0));
  const draft = new HashDraft(hashesPath);
  let isKept = false;
  try {
    const proof = await proveLog(
      {
        log: await readEvents(runDir, firsts),
        checkpoints: await readCheckpoints(runDir),
        verifierKey: key,
        sha256,
        verify: verifyEd25519,
      },
      (leaf) => draft.add(leaf),
    );
    if (proof.records <= 1 && proof.checkpointBytes === 0) return undefined;
    assertUsable(proof, origin, runDir);
    draft.keep(hashesPath);
    isKept = true;
    return {
      tree: proof.tree,
      eventBytes: proof.completeBytes,
      checkpointBytes: proof.checkpointBytes,
      discardedBytes: proof.tornBytes,
      uncovered: proof.records - proof.signedSize,
    };
  } finally {
    if (!isKept) draft.drop();
  }
}
