// The thread that makes proofs of single records. Nothing here waits at top level, see `startLongTask`.

import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { HASH_BYTES, leafHash, StateUnusable } from '@firma/core';
import type { StopMessage, TaskResult, TaskStart } from '../pool/messages.ts';
import type { AnswerTo, Question } from '../pool/questions.ts';
import { sha256 } from '../store/ed25519.ts';
import { CHECKPOINTS_FILE, eventsFile, hashesFile } from '../store/log-files.ts';
import type { ProofAnswer, ProofTask } from './event-proof.ts';
import { EventFinder } from './find-event.ts';
import { lastCheckpoint } from './last-checkpoint.ts';
import { LeafTree } from './leaf-tree.ts';

type ToProver = Question<string> | StopMessage;

function leavesOf(fd: number, start: number, end: number): Uint8Array {
  const leaves = Buffer.allocUnsafe((end - start) * HASH_BYTES);
  const bytes = readSync(fd, leaves, 0, leaves.length, start * HASH_BYTES);
  return leaves.subarray(0, bytes);
}

function seqOf(line: string): number {
  const record: unknown = JSON.parse(line);
  if (typeof record === 'object' && record !== null && 'seq' in record && typeof record.seq === 'number') {
    return record.seq;
  }
  throw new StateUnusable('a record of the log has no number');
}

/** Makes proofs over the log of one run directory while it grows. */
export class EventProver {
  readonly #task: ProofTask;
  readonly #events: number;
  readonly #hashes: number;
  readonly #finder: EventFinder;
  readonly #tree: LeafTree;

  /** @throws the system's error where there is no log */
  constructor(task: ProofTask) {
    this.#task = task;
    this.#events = openSync(join(task.runDir, eventsFile(0)), 'r');
    this.#hashes = openSync(join(task.runDir, hashesFile(0)), 'r');
    this.#finder = new EventFinder(this.#events);
    this.#tree = new LeafTree((start, end) => leavesOf(this.#hashes, start, end));
  }

  /** Never throws. A proof it gives holds: its root has been compared with the checkpoint's. */
  prove(eventId: string): ProofAnswer {
    try {
      return this.#prove(eventId);
    } catch (error) {
      this.#tree.clear();
      return { kind: 'failed', detail: error instanceof Error ? error.message : 'unknown error' };
    }
  }

  close(): void {
    closeSync(this.#events);
    closeSync(this.#hashes);
  }

  #prove(eventId: string): ProofAnswer {
    const record = this.#finder.find(eventId, this.#task.runStart);
    if (record === undefined) return { kind: 'unknown' };
    const seq = seqOf(record);
    const { note, size, root } = lastCheckpoint(join(this.#task.runDir, CHECKPOINTS_FILE));
    if (seq >= size) return { kind: 'unsigned', seq };
    const leaf = leafHash(Buffer.from(record), sha256);
    const isSame =
      Buffer.compare(this.#tree.root(size), root) === 0 &&
      Buffer.compare(leavesOf(this.#hashes, seq, seq + 1), leaf) === 0;
    // They are a help and not evidence; a start over the log makes them anew from its records.
    if (!isSame)
      throw new StateUnusable('the leaf hashes beside the log are not those of its last checkpoint');
    const inclusion = this.#tree.inclusion(seq, size).map((hash) => Buffer.from(hash).toString('base64'));
    return { kind: 'proof', proof: { record, leafIndex: seq, treeSize: size, inclusion, checkpoint: note } };
  }
}

/** Answers questions for proofs until it is told to stop. */
export function proveEvents({ port, data }: TaskStart<ProofTask>): Promise<TaskResult> {
  let prover: EventProver | undefined;
  return new Promise((resolve) => {
    port.on('message', (message: ToProver) => {
      if (message.type === 'stop') {
        prover?.close();
        port.close();
        resolve({ ok: true });
        return;
      }
      let answer: ProofAnswer;
      try {
        prover ??= new EventProver(data);
        answer = prover.prove(message.question);
      } catch (error) {
        answer = { kind: 'failed', detail: error instanceof Error ? error.message : 'unknown error' };
      }
      const reply: AnswerTo<ProofAnswer> = { type: 'answer', id: message.id, answer };
      port.postMessage(reply);
    });
  });
}
