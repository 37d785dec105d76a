import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigInvalid, type SourceLocation } from '@firma/core';
import { errorCode } from './private-file.ts';

/** A file that was read once: `text` is what `sha256` was taken of, and what is used. */
export interface Source {
  readonly file: string;
  readonly text: string;
  /** Of the bytes, in hex. */
  readonly sha256: string;
}

const MAX_FILE_BYTES = 2 * 1024 * 1024;
const MAX_TOTAL_BYTES = 32 * 1024 * 1024;
const MAX_FILES = 512;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

function refusal(error: unknown, file: string, namedAt: SourceLocation | undefined): ConfigInvalid {
  const code = errorCode(error) ?? 'unknown error';
  const what = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
  return namedAt === undefined
    ? new ConfigInvalid(what, { file })
    : new ConfigInvalid(`\`${file}\` ${what}`, namedAt);
}

async function readBytes(file: string): Promise<Buffer> {
  // Not blocking: a named pipe would hold the start for as long as nobody writes.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = await handle.stat();
    if (!facts.isFile()) throw new ConfigInvalid('is no regular file', { file });
    if (facts.size > MAX_FILE_BYTES)
      throw new ConfigInvalid(`is longer than ${MAX_FILE_BYTES} bytes`, { file });
    // One byte more than there should be shows a file that grows.
    const bytes = Buffer.alloc(facts.size + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > facts.size) throw new ConfigInvalid('changed while it was read', { file });
    return bytes.subarray(0, length);
  } finally {
    await handle.close();
  }
}

/**
 * Reads the files of one configuration, each once.
 *
 * INVARIANT: however often a file is asked for, its text and its digest come from the same bytes.
 */
export class SourceReader {
  readonly #read = new Map<string, Source>();
  #total = 0;

  /**
   * @param namedAt where the file is named, for the message
   * @throws ConfigInvalid where it is absent, no regular file, longer than 2 MiB or not UTF-8
   */
  async read(file: string, namedAt?: SourceLocation): Promise<Source> {
    const known = this.#read.get(file);
    if (known !== undefined) return known;
    let bytes: Buffer;
    try {
      bytes = await readBytes(file);
    } catch (error) {
      throw error instanceof ConfigInvalid ? error : refusal(error, file, namedAt);
    }
    this.#total += bytes.length;
    if (this.#total > MAX_TOTAL_BYTES) {
      throw new ConfigInvalid(`and the files before it are longer than ${MAX_TOTAL_BYTES} bytes together`, {
        file,
      });
    }
    let text: string;
    try {
      text = UTF8.decode(bytes);
    } catch {
      throw new ConfigInvalid('is not UTF-8', { file });
    }
    const source = { file, text, sha256: createHash('sha256').update(bytes).digest('hex') };
    this.#read.set(file, source);
    return source;
  }

  /**
   * Reads what a path of the configuration stands for: a file, or of a directory the files directly in it with the
   * extension, by name. Hidden ones are passed over.
   *
   * @throws ConfigInvalid as `read`, and where a directory holds no such file or more than 512
   */
  async readAll(path: string, extension: string, namedAt?: SourceLocation): Promise<Source[]> {
    let names: string[];
    try {
      if (!(await stat(path)).isDirectory()) return [await this.read(path, namedAt)];
      names = await readdir(path);
    } catch (error) {
      throw error instanceof ConfigInvalid ? error : refusal(error, path, namedAt);
    }
    const wanted = names.filter((name) => name.endsWith(extension) && !name.startsWith('.')).sort();
    if (wanted.length === 0) throw new ConfigInvalid(`holds no \`*${extension}\` file`, { file: path });
    if (wanted.length > MAX_FILES) {
      throw new ConfigInvalid(`holds more than ${MAX_FILES} \`*${extension}\` files`, { file: path });
    }
    const sources: Source[] = [];
    for (const name of wanted) sources.push(await this.read(join(path, name), namedAt));
    return sources;
  }
}
