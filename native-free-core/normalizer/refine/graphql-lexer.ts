/** Punctuators of an executable document (GraphQL §2.1.8); `&` and `|` stand only in schemas. */
const PUNCTUATORS = ['!', '$', '(', ')', ':', '=', '@', '[', ']', '{', '}'] as const;

type Punctuator = (typeof PUNCTUATORS)[number] | typeof SPREAD;

export type TokenKind = Punctuator | 'name' | 'number' | 'string' | 'end' | 'bad';

const SPREAD = '...';
const PUNCTUATOR_OF: ReadonlyMap<string, TokenKind> = new Map(PUNCTUATORS.map((mark) => [mark, mark]));
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
// Nothing that could continue a number or start a name may follow it.
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.])/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y;
// Implementations differ on whether a lone CR, U+2028 and U+2029 end a line: a comment that meets one has no certain end.
const COMMENT = /#[^\n\r\u2028\u2029]*(?:\r?\n|$)/y;
const BLOCK_QUOTE = '"""';
// oxlint-disable-next-line no-control-regex -- what no document may hold
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;

/**
 * Cuts a GraphQL document into tokens (GraphQL, October 2021, §2.1), one at a time.
 *
 * `bad` is what the grammar does not know, and what implementations cut differently. Cost: linear in the document.
 */
export class GraphqlLexer {
  /** Of the token that was read last. */
  kind: TokenKind = 'bad';
  /** Of a name; empty for every other token. */
  text = '';
  readonly #source: string;
  #at = 0;

  /** Reads the first token; a source with a control character in it is `bad`. */
  constructor(source: string) {
    this.#source = source;
    if (!CONTROL.test(source)) this.advance();
  }

  advance(): void {
    this.text = '';
    this.kind = this.#skipIgnored() ? this.#token() : 'bad';
  }

  #token(): TokenKind {
    const source = this.#source;
    const first = source[this.#at];
    if (first === undefined) return 'end';
    const punctuator = source.startsWith(SPREAD, this.#at) ? SPREAD : PUNCTUATOR_OF.get(first);
    if (punctuator !== undefined) {
      this.#at += punctuator.length;
      return punctuator;
    }
    if (first === '"') return source.startsWith(BLOCK_QUOTE, this.#at) ? this.#blockString() : this.#string();
    this.text = this.#take(NAME) ?? '';
    if (this.text !== '') return 'name';
    return this.#take(NUMBER) === undefined ? 'bad' : 'number';
  }

  /** Blanks, line ends, commas, byte order marks and comments; false where a comment has no certain end. */
  #skipIgnored(): boolean {
    for (;;) {
      const next = this.#source[this.#at];
      if (next === '#') {
        if (this.#take(COMMENT) === undefined) return false;
      } else if (next !== undefined && ' \t\n\r,\ufeff'.includes(next)) this.#at++;
      else return true;
    }
  }

  #string(): TokenKind {
    this.#at++;
    for (;;) {
      const next = this.#source[this.#at];
      if (next === undefined || next === '\n' || next === '\r') return 'bad';
      if (next === '\\') {
        if (this.#take(ESCAPE) === undefined) return 'bad';
        continue;
      }
      this.#at++;
      if (next === '"') return 'string';
    }
  }

  /** Lexers in use disagree about `\"""` and about a fourth quote at the end: such a string could hide an operation. */
  #blockString(): TokenKind {
    const end = this.#source.indexOf(BLOCK_QUOTE, this.#at + BLOCK_QUOTE.length);
    const after = end + BLOCK_QUOTE.length;
    if (end === -1 || this.#source[end - 1] === '\\' || this.#source[after] === '"') return 'bad';
    this.#at = after;
    return 'string';
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}
