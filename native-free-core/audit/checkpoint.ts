import { decodeBase64, encodeBase64 } from './base64.ts';
import { HASH_BYTES } from './merkle.ts';
import { openNote, signNote } from './signed-note.ts';
import type { NoteSigner, VerifierKey, VerifySignature } from './signed-note.ts';

/** What a checkpoint says: the log `origin` had `size` records, and this root over them (C2SP tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

export type OpenedCheckpoint =
  { readonly ok: true; readonly checkpoint: Checkpoint } | { readonly ok: false; readonly detail: string };

const MAX_ORIGIN_CHARS = 256;
const SIZE = /^(?:0|[1-9][0-9]{0,15})$/;

/** Whether a text may name a log: one line, 1 to 256 characters, no control character. */
export function isOrigin(text: string): boolean {
  return text.length > 0 && text.length <= MAX_ORIGIN_CHARS && !/\p{Cc}/u.test(text);
}

/** The signed note of a checkpoint: `origin`, `size`, root in base64, an empty line, the signature. */
export function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): Promise<string> {
  const { origin, size, root } = checkpoint;
  return signNote(`${origin}\n${size}\n${encodeBase64(root)}\n`, signer);
}

/** Reads the text of a checkpoint; lines after the third are extensions and may not be empty. */
function parseBody(text: string): Checkpoint | undefined {
  const [origin, sizeText, rootText, ...extensions] = text.slice(0, -1).split('\n');
  if (origin === undefined || !isOrigin(origin) || extensions.includes('')) return undefined;
  if (sizeText === undefined || !SIZE.test(sizeText)) return undefined;
  const size = Number(sizeText);
  const root = decodeBase64(rootText ?? '');
  if (!Number.isSafeInteger(size) || root === undefined || root.length !== HASH_BYTES) return undefined;
  return { origin, size, root };
}

/** Checks a checkpoint's signature and reads it. What does not hold is the answer's `detail`, never an exception. */
export async function openCheckpoint(
  note: string,
  key: VerifierKey,
  verify: VerifySignature,
): Promise<OpenedCheckpoint> {
  const opened = await openNote(note, key, verify);
  if (!opened.ok) return opened;
  const checkpoint = parseBody(opened.text);
  if (checkpoint === undefined) return { ok: false, detail: 'the signed text is no checkpoint' };
  return { ok: true, checkpoint };
}
