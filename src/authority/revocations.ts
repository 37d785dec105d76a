import { type RevocationList, StateUnusable, Usage } from '@firma/core';
import { MAX_SKEW_S } from '../config/config.ts';
import { withFileLock } from '../config/file-lock.ts';
import { readPrivateFile, replacePrivateFile } from '../config/private-file.ts';

/** What is revoked: one token, one session with all its tokens, or one agent. Exactly one member. */
export interface RevocationTarget {
  readonly jti?: string;
  readonly sid?: string;
  readonly sub?: string;
}

type Kind = 'jti' | 'sid' | 'sub';

interface Entry {
  readonly kind: Kind;
  readonly id: string;
  /** Unix seconds after which no token it names can be valid; absent: for good. */
  readonly untilS?: number;
}

interface Stored {
  readonly v: 1;
  readonly sequence: number;
  readonly entries: readonly Entry[];
}

const KINDS: readonly Kind[] = ['jti', 'sid', 'sub'];
// What a sidecar takes at most.
const MAX_ENTRIES = 100_000;
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_ID_CHARS = 256;

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, id, untilS }: Record<string, unknown> = { ...value };
  return (
    (kind === 'jti' || kind === 'sid' || kind === 'sub') &&
    typeof id === 'string' &&
    (untilS === undefined || Number.isSafeInteger(untilS))
  );
}

function parse(text: string, file: string): Stored {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) {
      const { v, sequence, entries }: Record<string, unknown> = { ...value };
      if (
        v === 1 &&
        typeof sequence === 'number' &&
        Number.isSafeInteger(sequence) &&
        Array.isArray(entries)
      ) {
        const items: readonly unknown[] = entries;
        if (items.every(isEntry)) return { v, sequence, entries: items };
      }
    }
  } catch {
    // Falls through to the one refusal below.
  }
  throw new StateUnusable('is no list of revocations of this version; restore it from a copy', { file });
}

async function read(file: string): Promise<Stored> {
  const text = await readPrivateFile(file, MAX_BYTES);
  return text === undefined ? { v: 1, sequence: 0, entries: [] } : parse(text, file);
}

function toEntry(target: RevocationTarget, untilS: number): Entry {
  const named = KINDS.filter((kind) => target[kind] !== undefined);
  const [kind] = named;
  const id = kind === undefined ? undefined : target[kind];
  if (kind === undefined || id === undefined || named.length > 1) {
    throw new Usage('name one of token (`jti`), session (`sid`) or agent (`sub`) to revoke');
  }
  if (id === '' || id.length > MAX_ID_CHARS) {
    throw new Usage(`what is revoked has an id of 1 to ${MAX_ID_CHARS} characters`);
  }
  // A revoked agent gets no further token, so its entry stays.
  return kind === 'sub' ? { kind, id } : { kind, id, untilS };
}

/** Everything this Authority revoked, in one file that all processes of a state directory share. */
export class Revocations {
  readonly #file: string;
  #stored: Stored;
  #list: RevocationList;

  private constructor(file: string, stored: Stored) {
    this.#file = file;
    this.#stored = stored;
    this.#list = { sequence: -1, jti: [], sid: [], sub: [] };
    this.#take(stored);
  }

  /** @throws StateUnusable where the file is there and cannot be relied on */
  static async open(file: string): Promise<Revocations> {
    return new Revocations(file, await read(file));
  }

  /** What sidecars are told. */
  get list(): RevocationList {
    return this.#list;
  }

  /**
   * Revokes one thing; it is on disk when this resolves. Revoking it again changes nothing.
   *
   * @param maxTtlS no token outlives this by more than the skew a sidecar may allow: later an entry of a token or
   *   session is dropped
   * @throws Usage for a target that names nothing, StateUnusable where the list is full or cannot be written
   */
  async add(target: RevocationTarget, nowS: number, maxTtlS: number): Promise<void> {
    const entry = toEntry(target, nowS + maxTtlS + MAX_SKEW_S);
    await withFileLock(`${this.#file}.lock`, async () => {
      const before = await read(this.#file);
      const kept = before.entries.filter(
        ({ kind, id, untilS }) =>
          !(kind === entry.kind && id === entry.id) && (untilS === undefined || untilS >= nowS),
      );
      if (kept.length >= MAX_ENTRIES) {
        throw new StateUnusable(`holds ${MAX_ENTRIES} revocations already`, { file: this.#file });
      }
      const sequence = Math.max(before.sequence, this.#stored.sequence) + 1;
      const after: Stored = { v: 1, sequence, entries: [...kept, entry] };
      await replacePrivateFile(this.#file, `${JSON.stringify(after)}\n`);
      this.#take(after);
    });
  }

  /** Takes what another process revoked meanwhile. */
  async refresh(): Promise<void> {
    const stored = await read(this.#file);
    if (stored.sequence > this.#stored.sequence) this.#take(stored);
  }

  has(kind: Kind, id: string): boolean {
    return this.#list[kind].includes(id);
  }

  #take(stored: Stored): void {
    this.#stored = stored;
    const ids = (kind: Kind): readonly string[] =>
      stored.entries.filter((entry) => entry.kind === kind).map((entry) => entry.id);
    this.#list = { sequence: stored.sequence, jti: ids('jti'), sid: ids('sid'), sub: ids('sub') };
  }
}
