import { isBlank, XmlScanner } from './xml-scanner.ts';

/** What a SOAP envelope names its operation by. */
export interface EnvelopeNames {
  /** Local names of the child elements of `Body`, in order; of a Body that is not exact, those that were seen. */
  readonly requests: readonly string[];
  /** Text of the `Action` headers (WS-Addressing), by which some servers choose the operation. */
  readonly actions: readonly string[];
  /** Every server finds the same Body, and these children of it. */
  readonly isExact: boolean;
}

/**
 * Reads the envelope of a SOAP 1.1 or 1.2 message. Elements are told by their local names, whatever their namespaces,
 * so that an element of another namespace counts as what it could be taken for.
 */
export function readEnvelope(text: string): EnvelopeNames {
  return new EnvelopeReader(text).read();
}

class EnvelopeReader {
  readonly #xml: XmlScanner;
  readonly #requests: string[] = [];
  readonly #actions: string[] = [];
  /** The child of the envelope that is open or was read last. */
  #section: 'none' | 'Header' | 'Body' = 'none';
  /** Whether an `Action` header is open, and has its text. */
  #action: 'none' | 'open' | 'read' = 'none';

  constructor(text: string) {
    this.#xml = new XmlScanner(text);
  }

  read(): EnvelopeNames {
    return { isExact: this.#readAll(), requests: this.#requests, actions: this.#actions };
  }

  #readAll(): boolean {
    for (;;) {
      switch (this.#xml.next()) {
        case 'open':
          if (!this.#enter(this.#xml.local)) return false;
          break;
        case 'close':
          if (this.#action === 'open') return false;
          this.#action = 'none';
          break;
        case 'text':
          if (!this.#addText(this.#xml.text)) return false;
          break;
        case 'cdata':
          if (this.#xml.depth < 3 || this.#action !== 'none') return false;
          break;
        case 'end':
          return this.#section === 'Body';
        case 'bad':
          return false;
      }
    }
  }

  #enter(local: string): boolean {
    if (this.#action !== 'none') return false;
    const { depth } = this.#xml;
    if (depth === 1) return local === 'Envelope';
    if (depth === 2) return this.#enterSection(local);
    // A server that looks for the first `Body` anywhere would find this one.
    if (this.#section === 'Header') {
      if (depth === 3 && local === 'Action') this.#action = 'open';
      return local !== 'Body' && local !== 'Envelope';
    }
    if (depth === 3) this.#requests.push(local);
    return true;
  }

  #enterSection(local: string): boolean {
    if (local === 'Header' ? this.#section !== 'none' : local !== 'Body' || this.#section === 'Body') {
      return false;
    }
    this.#section = local === 'Header' ? 'Header' : 'Body';
    return true;
  }

  #addText(text: string): boolean {
    if (this.#xml.depth < 3) return isBlank(text);
    if (this.#action === 'none') return true;
    // A reference, or a comment between two texts, is put together differently by different readers.
    if (this.#action === 'read' || text.includes('&')) return false;
    this.#actions.push(text.trim());
    this.#action = 'read';
    return true;
  }
}
