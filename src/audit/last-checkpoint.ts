import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { decodeBase64, NOTE_END, StateUnusable } from '@firma/core';

/** Two notes of the largest size. */
const TAIL_BYTES = 16 * 1024;
const SIGNATURE_MARK = '\u2014 ';

export interface SignedCheckpoint {
  readonly note: string;
  readonly size: number;
  readonly root: Uint8Array;
}

function readTail(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    return tail.toString('utf8', 0, readSync(fd, tail, 0, tail.length, size - tail.length));
  } finally {
    closeSync(fd);
  }
}

/**
 * The last whole checkpoint of a log's file. Its signature is the writer's own and not looked at; whoever uses it compares
 * its root with the records.
 *
 * @throws StateUnusable where there is none
 */
export function lastCheckpoint(path: string): SignedCheckpoint {
  // A note is a text and its signatures, parted by an empty line, and ends with another one.
  const parts = readTail(path).split(`\n${NOTE_END}`);
  for (let index = parts.length - 2; index > 0; index--) {
    const signatures = parts[index] ?? '';
    const text = parts[index - 1] ?? '';
    if (!signatures.startsWith(SIGNATURE_MARK) || text.startsWith(SIGNATURE_MARK)) continue;
    const [, size, root] = text.split('\n');
    const bytes = decodeBase64(root ?? '');
    if (size === undefined || bytes === undefined) break;
    return { note: `${text}\n\n${signatures}\n`, size: Number(size), root: bytes };
  }
  throw new StateUnusable('holds no whole checkpoint', { file: path });
}
