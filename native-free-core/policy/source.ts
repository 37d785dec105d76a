import { PolicyInvalid, type SourceLocation } from '../errors.ts';
import type { PolicySource } from './port.ts';

/** One policy as it stands in a file, from its first token to its `;`. */
export interface PolicyText {
  readonly file: string;
  /** Of the first token; both count from 1. */
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

// INVARIANT: a text within these bounds never overflows the stack of cedar-wasm's parser, which would leave the
// instance unusable for good (every later call traps). Measured with 4.13: 110 brackets deep, or 576 nested `if`s, or a
// chain of 7,000 tokens is too much.
const MAX_BRACKET_DEPTH = 32;
const MAX_IFS = 32;
/** Words and signs; texts in quotes and commas are not counted, so that long lists of names stay possible. */
const MAX_TOKENS = 2000;
const MAX_POLICY_CHARS = 128 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SLASH = 0x2f;
const SEMICOLON = 0x3b;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= CARRIAGE_RETURN);
}

function isWord(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x5f
  );
}

function isOpening(code: number): boolean {
  return code === 0x28 || code === 0x5b || code === 0x7b;
}

function isClosing(code: number): boolean {
  return code === 0x29 || code === 0x5d || code === 0x7d;
}

/** Index after the closing quote, or the length of the text. */
function afterString(text: string, open: number): number {
  let at = open + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE) return at + 1;
    at += 1;
  }
  return text.length;
}

/** Index of the line's end. Cedar ends a comment at a lone carriage return too. */
function afterComment(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === LINE_FEED || code === CARRIAGE_RETURN) return at;
    at += 1;
  }
  return at;
}

function afterWord(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && isWord(text.charCodeAt(at))) at += 1;
  return at;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

/** Turns rising positions of a text into lines and columns, in one pass over it. */
class LineCounter {
  readonly #text: string;
  #line = 1;
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  at(index: number): Position {
    let next = this.#text.indexOf('\n', this.#lineStart);
    while (next >= 0 && next < index) {
      this.#line += 1;
      this.#lineStart = next + 1;
      next = this.#text.indexOf('\n', this.#lineStart);
    }
    return { line: this.#line, column: index - this.#lineStart + 1 };
  }
}

/**
 * Splits a file into its policies, which Cedar then parses one by one: a `;` outside quotes and comments ends one.
 *
 * @throws PolicyInvalid where a policy is too long or too deeply nested to be handed to Cedar
 */
export function splitPolicies(source: PolicySource): PolicyText[] {
  const { file, text } = source;
  const policies: PolicyText[] = [];
  const lines = new LineCounter(text);
  let position: Position = { line: 1, column: 1 };
  let start = -1;
  let depth = 0;
  let ifs = 0;
  let tokens = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (isSpace(code)) {
      at += 1;
      continue;
    }
    if (code === SLASH && text.charCodeAt(at + 1) === SLASH) {
      at = afterComment(text, at);
      continue;
    }
    if (start < 0) {
      start = at;
      position = lines.at(at);
    }
    const tokenStart = at;
    if (code === QUOTE) at = afterString(text, at);
    else if (isWord(code)) at = afterWord(text, at);
    else at += 1;

    if (code !== QUOTE && code !== COMMA) tokens += 1;
    if (isOpening(code)) depth += 1;
    else if (isClosing(code)) depth -= 1;
    else if (at - tokenStart === 2 && text.startsWith('if', tokenStart)) ifs += 1;

    const tooMuch =
      depth > MAX_BRACKET_DEPTH
        ? `brackets are nested deeper than ${MAX_BRACKET_DEPTH}`
        : ifs > MAX_IFS
          ? `a policy has more than ${MAX_IFS} \`if\`s`
          : tokens > MAX_TOKENS
            ? `a policy has more than ${MAX_TOKENS} words and signs`
            : at - start > MAX_POLICY_CHARS
              ? `a policy is longer than ${MAX_POLICY_CHARS} characters`
              : undefined;
    if (tooMuch !== undefined) {
      throw new PolicyInvalid(`${tooMuch}; split it into several policies`, {
        file,
        ...lines.at(tokenStart),
      });
    }

    if (code === SEMICOLON) {
      policies.push({ file, ...position, text: text.slice(start, at) });
      start = -1;
      depth = 0;
      ifs = 0;
      tokens = 0;
    }
  }
  // What follows the last `;` is no whole policy: Cedar says what is missing.
  if (start >= 0) policies.push({ file, ...position, text: text.slice(start) });
  return policies;
}

/**
 * Where in its file a place of a policy stands.
 *
 * @param byteOffset Cedar's source offset: UTF-8 bytes from the start of the policy's text
 */
export function locate(policy: PolicyText, byteOffset: number): SourceLocation {
  const bytes = new TextEncoder().encode(policy.text);
  const index = new TextDecoder().decode(bytes.subarray(0, byteOffset)).length;
  const within = new LineCounter(policy.text).at(index);
  return {
    file: policy.file,
    line: policy.line + within.line - 1,
    column: within.line === 1 ? policy.column + within.column - 1 : within.column,
  };
}
