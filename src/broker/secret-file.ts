import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { errorCode } from '../config/private-file.ts';

/** A secret, or why it cannot be had: text for a person that never holds a part of the secret. */
export type Secret =
  { readonly ok: true; readonly secret: string } | { readonly ok: false; readonly problem: string };

/** Longest secret taken from any source, in bytes. */
export const MAX_SECRET_BYTES = 64 * 1024;

/** What is looked at before a secret file is read. */
export interface SecretFileFacts {
  readonly regular: boolean;
  readonly uid: number;
  readonly mode: number;
  readonly size: number;
}

/**
 * Why a file is refused as a secret's place, or undefined.
 *
 * It must be a regular file of the user who runs this or of root, that nobody else can write and not everybody can
 * read; a group may read it, which is how mounted secrets come.
 *
 * @param ownUid undefined where the platform has no user ids
 */
export function secretFileProblem(facts: SecretFileFacts, ownUid: number | undefined): string | undefined {
  if (!facts.regular) return 'is no regular file';
  if (ownUid !== undefined && facts.uid !== ownUid && facts.uid !== 0) {
    return `belongs to user ${facts.uid}; it must belong to the user who runs this, or to root`;
  }
  if ((facts.mode & 0o026) !== 0) {
    const octal = (facts.mode & 0o777).toString(8).padStart(4, '0');
    return `has mode ${octal}, so others can read or change it; run \`chmod 600\` on it and replace the secret`;
  }
  if (facts.size > MAX_SECRET_BYTES) return `is longer than ${MAX_SECRET_BYTES} bytes`;
  return undefined;
}

async function readAtMost(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    const { bytesRead } = await file.read(buffer, length, maxBytes - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

/**
 * One secret in a file. The file is looked at for every request, and read again only when it is another one
 * (device, inode, size, times), so a rotated secret is used by the next call.
 */
export class SecretFile {
  readonly #path: string;
  #version = '';
  #cached: Secret | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<Secret> {
    let file: FileHandle | undefined;
    try {
      // Non-blocking: opening a named pipe must not hang. What is checked is what is read: one open file.
      file = await open(this.#path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
      return await this.#readOpen(file);
    } catch (error) {
      const code = errorCode(error) ?? 'unknown error';
      return { ok: false, problem: `file \`${this.#path}\` cannot be read (${code})` };
    } finally {
      await file?.close();
    }
  }

  async #readOpen(file: FileHandle): Promise<Secret> {
    const stat = await file.stat({ bigint: true });
    const facts: SecretFileFacts = {
      regular: stat.isFile(),
      uid: Number(stat.uid),
      mode: Number(stat.mode),
      size: Number(stat.size),
    };
    const problem = secretFileProblem(facts, process.getuid?.());
    if (problem !== undefined) return { ok: false, problem: `file \`${this.#path}\` ${problem}` };
    const version = `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
    if (this.#cached !== undefined && this.#version === version) return this.#cached;
    const bytes = await readAtMost(file, MAX_SECRET_BYTES + 1);
    if (bytes.length > MAX_SECRET_BYTES) {
      return { ok: false, problem: `file \`${this.#path}\` is longer than ${MAX_SECRET_BYTES} bytes` };
    }
    this.#cached = { ok: true, secret: bytes.toString('utf8').replace(/\r?\n$/, '') };
    this.#version = version;
    return this.#cached;
  }
}
