import { MAX_FACT_BODY, type CallBody } from '../call-body.ts';
import { MAX_READINGS } from '../envelope.ts';
import { Unreadable } from '../form.ts';
import { readPkt } from './pkt-line.ts';
import type { Operation, Operations } from './refinement.ts';

const MAX_REF_BYTES = 1024;

// A ref with a blank or a control character is none (git-check-ref-format), and readers differ on where it ends.
const COMMAND = /^([0-9a-fA-F]+) ([0-9a-fA-F]+) ([^\p{Cc} ]+)$/u;
const SHALLOW = /^shallow ([0-9a-fA-F]+)$/;
const CAPABILITIES = /^\P{Cc}*$/u;
const ZEROS = /^0+$/;

const NOT_AN_ID = 'an object id of the push is not 40 or 64 digits, the same for all';

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

/**
 * The commands of a push, each with its `git_operation` and `git_ref`; what follows their flush is not looked at.
 * An empty body, or a flush alone, with which git probes a server before a large push, asks for nothing.
 *
 * Source: gitprotocol-pack, "Reference Update Request and Packfile Transfer"; a signed push is refused.
 */
export function receivePackOperations(body: CallBody): Operations {
  if (body.isEmpty) return [];
  const bytes = body.head();
  if (bytes instanceof Unreadable) return { malformed: bytes.why };
  return readHead(bytes) ?? { malformed: 'the push ends before the flush that follows its commands' };
}

/**
 * Whether the head of a receive-pack body is complete, or can no longer become so: its flush is there, it is malformed
 * as it stands, or it is longer than may be read.
 */
export function receivePackHeadEnds(body: CallBody): boolean {
  const bytes = body.head();
  // A decoder gives what has come out of a beginning so far; of what it cannot decode, more makes no push.
  if (bytes instanceof Unreadable || bytes.length >= MAX_FACT_BODY) return true;
  return readHead(bytes) !== undefined;
}

/** Undefined where more bytes could complete it. */
function readHead(bytes: Uint8Array): Operations | undefined {
  const head = new PushHead();
  const readable = bytes.length > MAX_FACT_BODY ? bytes.subarray(0, MAX_FACT_BODY) : bytes;
  let at = 0;
  for (;;) {
    const pkt = readPkt(readable, at);
    if (pkt === 'cut') return undefined;
    if (pkt === 'flush') return head.commands;
    if (pkt === 'bad') return { malformed: 'the push has a pkt-line whose length is none' };
    const malformed = head.add(readable.subarray(pkt.start, pkt.end));
    if (malformed !== undefined) return { malformed };
    at = pkt.end;
  }
}

class PushHead {
  readonly commands: Operation[] = [];
  /** Of every object id of one push: 40 (SHA-1) or 64 (SHA-256). */
  #idLength = 0;

  /** Returns what is wrong with a line. */
  add(line: Uint8Array): string | undefined {
    const text = decode(line);
    if (text === undefined) return 'a line of the push is not valid UTF-8';
    const [, shallow] = SHALLOW.exec(text) ?? [];
    if (shallow !== undefined) return this.#areIds(shallow) ? undefined : NOT_AN_ID;
    const nul = this.commands.length === 0 ? text.indexOf('\0') : -1;
    if (nul !== -1 && !CAPABILITIES.test(text.slice(nul + 1))) {
      return 'the capabilities of the push hold a control character';
    }
    const [, from, to, ref] = COMMAND.exec(nul === -1 ? text : text.slice(0, nul)) ?? [];
    if (from === undefined || to === undefined || ref === undefined) {
      return 'a line of the push is no command that creates, updates or deletes a ref';
    }
    if (!this.#areIds(from, to)) return NOT_AN_ID;
    if (ENCODER.encode(ref).length > MAX_REF_BYTES) {
      return `a ref of the push is longer than ${MAX_REF_BYTES} bytes`;
    }
    if (this.commands.length === MAX_READINGS) return `the push has more than ${MAX_READINGS} refs`;
    const operation = operationOf(ZEROS.test(from), ZEROS.test(to));
    if (operation === undefined) return 'a command of the push neither creates nor deletes its ref';
    this.commands.push({ name: operation, params: { git_operation: operation, git_ref: ref } });
    return undefined;
  }

  #areIds(...ids: readonly string[]): boolean {
    for (const { length } of ids) {
      if (this.#idLength === 0 && (length === 40 || length === 64)) this.#idLength = length;
      if (length !== this.#idLength) return false;
    }
    return true;
  }
}

function operationOf(isFromNothing: boolean, isToNothing: boolean): string | undefined {
  if (isFromNothing) return isToNothing ? undefined : 'create';
  return isToNothing ? 'delete' : 'update';
}

/** The text of a line, less one LF at its end. */
function decode(line: Uint8Array): string | undefined {
  const end = line[line.length - 1] === 10 ? line.length - 1 : line.length;
  try {
    return DECODER.decode(line.subarray(0, end));
  } catch {
    return undefined;
  }
}
