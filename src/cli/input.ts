import { createReadStream } from 'node:fs';
import { Usage } from '@firma/core';

const WHY: Readonly<Record<string, string>> = {
  EISDIR: 'is a directory; name a file',
  ENOENT: 'does not exist',
};

/**
 * Reads a file, or standard input for `-`.
 *
 * @returns all of it, or the first `maxBytes`
 * @throws Usage where it cannot be read
 */
export async function readInput(file: string, maxBytes: number): Promise<Buffer> {
  const stream = file === '-' ? process.stdin : createReadStream(file);
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of stream) {
      const bytes = Buffer.from(piece);
      pieces.push(bytes);
      length += bytes.length;
      if (length >= maxBytes) break;
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new Usage(`\`${file}\` ${WHY[code] ?? `cannot be read (${code})`}`);
  }
  return Buffer.concat(pieces).subarray(0, maxBytes);
}
