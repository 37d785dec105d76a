import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

function takeAnswer(text: string, toHead: boolean): { answer: RawAnswer; rest: string } | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const status = Number(statusLine.split(' ')[1]);
  const length = toHead || status < 200 ? 0 : Number(headers.get('content-length') ?? 0);
  const body = text.slice(end + 4, end + 4 + length);
  if (body.length < length) return undefined;
  return { answer: { status, headers, body }, rest: text.slice(end + 4 + length) };
}

/** One connection that sends bytes as they are and reads answers; every byte of the tests' answers is ASCII. */
export class RawClient {
  readonly #socket: Socket;
  readonly #answers: RawAnswer[] = [];
  readonly #waiting: ((answer: RawAnswer | undefined) => void)[] = [];
  #text = '';
  #closed = false;
  /** Resolves when the server has ended the connection. */
  readonly closed: Promise<void>;

  /** @param at port, or path of a Unix socket */
  constructor(at: number | string, host = '127.0.0.1', toHead = false) {
    this.#socket = typeof at === 'string' ? connect(at) : connect(at, host);
    this.#socket.on('data', (chunk) => {
      this.#text += chunk.toString('latin1');
      for (let taken = takeAnswer(this.#text, toHead); taken; taken = takeAnswer(this.#text, toHead)) {
        this.#text = taken.rest;
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#answers.push(taken.answer);
        else waiting(taken.answer);
      }
    });
    // A reset is one way a server ends a connection; what was read before it counts.
    this.#socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.#closed = true;
        for (const waiting of this.#waiting.splice(0)) waiting(undefined);
        resolve();
      });
    });
  }

  send(...parts: readonly (Buffer | string)[]): this {
    for (const part of parts) this.#socket.write(part);
    return this;
  }

  /** Resolves when the bytes so far are handed to the kernel. */
  flushed(part: string): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(part, () => resolve());
    });
  }

  /** The next answer; undefined where the connection ends without one. */
  answer(): Promise<RawAnswer | undefined> {
    const answer = this.#answers.shift();
    if (answer !== undefined || this.#closed) return Promise.resolve(answer);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Sends no more, and still reads. */
  finish(): void {
    this.#socket.end();
  }

  end(): void {
    this.#socket.destroy();
  }
}
