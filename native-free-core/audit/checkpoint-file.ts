import { openCheckpoint } from './checkpoint.ts';
import type { Checkpoint, OpenedCheckpoint } from './checkpoint.ts';
import { LineSplitter } from './lines.ts';
import type { Chunks } from './lines.ts';
import { equalBytes } from './merkle.ts';
import { MAX_NOTE_CHARS, SIGNATURE_MARK } from './signed-note.ts';
import type { VerifierKey, VerifySignature } from './signed-note.ts';

/** What ends each note of a `checkpoints` file: an empty line after its signatures. */
export const NOTE_END = '\n';

interface NotesEnd {
  readonly completeBytes: number;
  readonly tornBytes: number;
}

async function* readNotes(chunks: Chunks): AsyncGenerator<string, NotesEnd> {
  const splitter = new LineSplitter();
  const decoder = new TextDecoder();
  let note = '';
  let isSigned = false;
  let completeBytes = 0;
  let lineBytes = 0;
  for await (const chunk of chunks) {
    for (const line of splitter.push(chunk)) {
      const text = decoder.decode(line);
      lineBytes += line.length + 1;
      if (text === '' && isSigned) {
        yield note;
        note = '';
        isSigned = false;
        completeBytes = lineBytes;
      } else {
        // One character beyond the limit is enough to be refused.
        if (note.length <= MAX_NOTE_CHARS) note += `${text}\n`;
        isSigned = text.startsWith(SIGNATURE_MARK);
      }
    }
  }
  return { completeBytes, tornBytes: lineBytes - completeBytes + splitter.tornBytes };
}

/**
 * Reads the checkpoints of a log, in order, and checks what each must be by itself and beside the one before:
 * signed by the key, of one origin, of a growing size.
 */
export class CheckpointReader {
  readonly #notes: AsyncGenerator<string, NotesEnd>;
  readonly #key: VerifierKey;
  readonly #verify: VerifySignature;
  #last: Checkpoint | undefined;
  #count = 0;
  #end: NotesEnd | undefined;

  constructor(chunks: Chunks, key: VerifierKey, verify: VerifySignature) {
    this.#notes = readNotes(chunks);
    this.#key = key;
    this.#verify = verify;
  }

  /** The last good checkpoint so far. */
  get last(): Checkpoint | undefined {
    return this.#last;
  }

  /** How many good checkpoints were read. */
  get count(): number {
    return this.#count;
  }

  /** How the file ended; undefined before that. */
  get end(): NotesEnd | undefined {
    return this.#end;
  }

  /** The next one that says something new; undefined at the end of the file. */
  async next(): Promise<OpenedCheckpoint | undefined> {
    for (;;) {
      const note = await this.#notes.next();
      if (note.done === true) {
        this.#end = note.value;
        return undefined;
      }
      const opened = await openCheckpoint(note.value, this.#key, this.#verify);
      if (!opened.ok) return opened;
      const detail = this.#contradiction(opened.checkpoint);
      if (detail !== undefined) return { ok: false, detail };
      this.#count += 1;
      const isNew = opened.checkpoint.size > (this.#last?.size ?? 0);
      this.#last = opened.checkpoint;
      if (isNew) return opened;
    }
  }

  #contradiction(next: Checkpoint): string | undefined {
    const last = this.#last;
    if (next.size === 0) return 'it covers no record';
    if (last === undefined) return undefined;
    if (next.origin !== last.origin)
      return `its origin is \`${next.origin}\`, the log's is \`${last.origin}\``;
    if (next.size < last.size) return `it covers ${next.size} records and stands after one of ${last.size}`;
    if (next.size > last.size || equalBytes(next.root, last.root)) return undefined;
    return `two roots are signed for the first ${next.size} records`;
  }
}
