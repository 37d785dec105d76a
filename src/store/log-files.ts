import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chunks } from '@firma/core';
import { errorCode, stateUnusable } from '../config/private-file.ts';

const EVENTS_FILE = /^events-(0|[1-9][0-9]{0,15})\.jsonl$/;
const PIECE_BYTES = 256 * 1024;

/** The checkpoints of the log in a run directory. */
export const CHECKPOINTS_FILE = 'checkpoints';

/** Name of the file of records from `firstSeq` on, and of the one that keeps their leaf hashes. */
export const eventsFile = (firstSeq: number): string => `events-${firstSeq}.jsonl`;
export const hashesFile = (firstSeq: number): string => `events-${firstSeq}.hashes`;

/**
 * The first sequence numbers of the event files in a directory, ascending; none where there is no log.
 *
 * @throws StateUnusable where the directory cannot be read
 */
export async function listEventFiles(runDir: string): Promise<number[]> {
  let entries;
  try {
    entries = await readdir(runDir, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw stateUnusable('cannot be read', error, runDir);
  }
  const firsts: number[] = [];
  for (const entry of entries) {
    const first = EVENTS_FILE.exec(entry.name)?.[1];
    if (first !== undefined && entry.isFile()) firsts.push(Number(first));
  }
  return firsts.sort((a, b) => a - b);
}

interface Extent {
  readonly path: string;
  readonly bytes: number;
}

async function measure(path: string): Promise<Extent> {
  try {
    return { path, bytes: (await stat(path)).size };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { path, bytes: 0 };
    throw stateUnusable('cannot be read', error, path);
  }
}

async function* readAll(extents: readonly Extent[]): AsyncGenerator<Uint8Array> {
  for (const { path, bytes } of extents) {
    if (bytes === 0) continue;
    try {
      for await (const piece of createReadStream(path, { end: bytes - 1, highWaterMark: PIECE_BYTES })) {
        if (piece instanceof Uint8Array) yield piece;
      }
    } catch (error) {
      throw stateUnusable('cannot be read', error, path);
    }
  }
}

/** The bytes that files hold now, one after the other: what is appended later is not read. An absent one is empty. */
async function readFiles(paths: readonly string[]): Promise<Chunks> {
  const extents = await Promise.all(paths.map((path) => measure(path)));
  return { [Symbol.asyncIterator]: () => readAll(extents) };
}

/** The bytes of every event file of a directory, in order. */
export function readEvents(runDir: string, firsts: readonly number[]): Promise<Chunks> {
  return readFiles(firsts.map((first) => join(runDir, eventsFile(first))));
}

/** The bytes of the checkpoints of a directory. */
export function readCheckpoints(runDir: string): Promise<Chunks> {
  return readFiles([join(runDir, CHECKPOINTS_FILE)]);
}
