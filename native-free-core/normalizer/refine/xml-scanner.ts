export type XmlEvent = 'open' | 'close' | 'text' | 'cdata' | 'end' | 'bad';

const MAX_DEPTH = 64;
const UTF_8 = '[uU][tT][fF]-8';
const DECLARATION = new RegExp(
  `<\\?xml[ \\t\\r\\n]+version[ \\t\\r\\n]*=[ \\t\\r\\n]*(?:"1\\.0"|'1\\.0')` +
    `(?:[ \\t\\r\\n]+encoding[ \\t\\r\\n]*=[ \\t\\r\\n]*(?:"${UTF_8}"|'${UTF_8}'))?` +
    `(?:[ \\t\\r\\n]+standalone[ \\t\\r\\n]*=[ \\t\\r\\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \\t\\r\\n]*\\?>`,
  'y',
);
const NAME = '(?:[A-Za-z_\\u00c0-\\uffff][-.A-Za-z0-9_\\u00b7-\\uffff]*)';
const QUALIFIED = new RegExp(`(?:${NAME}:)?(${NAME})`, 'y');
const ATTRIBUTE = new RegExp(
  `[ \\t\\r\\n]+${NAME}(?::${NAME})?[ \\t\\r\\n]*=[ \\t\\r\\n]*(?:"[^<"]*"|'[^<']*')`,
  'y',
);
const OPEN_END = /[ \t\r\n]*(\/?>)/y;
const CLOSE_END = /[ \t\r\n]*>/y;
const BLANKS = /[ \t\r\n]+/y;
const ALL_BLANK = /^[ \t\r\n]*$/;
// oxlint-disable-next-line no-control-regex -- what no XML text may hold
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/**
 * Walks a whole XML 1.0 text in UTF-8, one event at a time; comments, and white space outside the root, are no events.
 *
 * `bad` is what is not well-formed, and what makes readers differ: a DOCTYPE, a processing instruction, another version
 * or encoding, nesting deeper than 64. Namespaces are not resolved. Cost: linear in the text.
 */
export class XmlScanner {
  /** Of the element that was opened last: its name less the prefix. */
  local = '';
  /** Of the text that was read last, its references as they are written. */
  text = '';
  readonly #source: string;
  /** Qualified names of the elements that are open. */
  readonly #open: string[] = [];
  #at = 0;
  #hasRoot = false;
  #isSelfClosed = false;

  constructor(source: string) {
    this.#source = NOT_XML.test(source) ? '' : source;
    this.#take(DECLARATION);
  }

  /** How many elements are open: that of an `open` counts, that of a `close` no more. */
  get depth(): number {
    return this.#open.length;
  }

  next(): XmlEvent {
    if (this.#isSelfClosed) {
      this.#isSelfClosed = false;
      this.#open.pop();
      return 'close';
    }
    const source = this.#source;
    for (;;) {
      if (source.startsWith('<!--', this.#at)) {
        if (!this.#comment()) return 'bad';
      } else if (this.depth > 0 || this.#take(BLANKS) === undefined) break;
    }
    if (this.#at === source.length) return this.#hasRoot && this.depth === 0 ? 'end' : 'bad';
    if (source[this.#at] !== '<') return this.#characters();
    if (source.startsWith('<![CDATA[', this.#at)) return this.#cdata();
    this.#at++;
    if (source[this.#at] === '/') return this.#close();
    return this.#element();
  }

  #comment(): boolean {
    const end = this.#source.indexOf('--', this.#at + 4);
    this.#at = end + 3;
    return end !== -1 && this.#source[end + 2] === '>';
  }

  #characters(): XmlEvent {
    const mark = this.#source.indexOf('<', this.#at);
    const end = mark === -1 ? this.#source.length : mark;
    this.text = this.#source.slice(this.#at, end);
    this.#at = end;
    return this.depth > 0 ? 'text' : 'bad';
  }

  #cdata(): XmlEvent {
    const end = this.#source.indexOf(']]>', this.#at);
    this.#at = end + 3;
    return end === -1 || this.depth === 0 ? 'bad' : 'cdata';
  }

  #close(): XmlEvent {
    this.#at++;
    const name = this.#take(QUALIFIED);
    if (name === undefined || this.#take(CLOSE_END) === undefined) return 'bad';
    return this.#open.pop() === name[0] ? 'close' : 'bad';
  }

  #element(): XmlEvent {
    const name = this.#take(QUALIFIED);
    if (name === undefined || this.depth === MAX_DEPTH || (this.depth === 0 && this.#hasRoot)) return 'bad';
    while (this.#take(ATTRIBUTE) !== undefined);
    const end = this.#take(OPEN_END);
    if (end === undefined) return 'bad';
    this.local = name[1] ?? '';
    this.#hasRoot = true;
    this.#isSelfClosed = end[1] === '/>';
    this.#open.push(name[0]);
    return 'open';
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source) ?? undefined;
    if (found !== undefined) this.#at += found[0].length;
    return found;
  }
}

/** Whether a text is nothing but what XML calls white space. */
export function isBlank(text: string): boolean {
  return ALL_BLANK.test(text);
}
