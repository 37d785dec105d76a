import { constants } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import type { PolicyDifference } from './reference-messages.ts';

export interface DifferenceLogOptions {
  /** One JSON object a line; made with mode 0600 when there is something to write. */
  readonly file: string;
  /** Told one line, of closed words only, where the reference engine denies. */
  readonly alert: (line: string) => void;
  /** Of the file; 4 MiB by default. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 4 * 1024 * 1024;

/** The differences that shadow mode found in a run, in a file. */
export class DifferenceLog {
  readonly #options: DifferenceLogOptions;
  #room: number;
  #written: Promise<void> = Promise.resolve();
  /** How many are not in the file: it was full, or could not be written. */
  unwritten = 0;

  constructor(options: DifferenceLogOptions) {
    this.#options = options;
    this.#room = options.maxBytes ?? MAX_BYTES;
  }

  /** Never throws. */
  add(difference: PolicyDifference): void {
    const { alert, file } = this.#options;
    this.#write(difference);
    const { engine, query, verdict, reference } = difference;
    if (reference.allowed) return;
    const answered = verdict.allowed ? 'allowed' : 'denied for another reason';
    alert(
      `policy engines differ on \`${query.action.name}\`: the reference engine denies what the ${engine} engine ` +
        `${answered}; the reference engine decides this class now, see \`${file}\``,
    );
  }

  /** Resolves once everything added before is written. */
  close(): Promise<void> {
    return this.#written;
  }

  #write(difference: PolicyDifference): void {
    const line = this.#fitting(difference);
    if (line === undefined) {
      this.unwritten += 1;
      return;
    }
    this.#room -= line.length;
    const flag = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
    this.#written = this.#written
      .then(() => appendFile(this.#options.file, line, { mode: 0o600, flag }))
      .catch(() => {
        this.unwritten += 1;
      });
  }

  #fitting(difference: PolicyDifference): Buffer | undefined {
    const whole = Buffer.from(`${JSON.stringify(difference)}\n`);
    if (whole.length <= this.#room) return whole;
    // The bundle's digest still says which policies they were.
    const { policies: _, ...rest } = difference;
    const short = Buffer.from(`${JSON.stringify(rest)}\n`);
    return short.length <= this.#room ? short : undefined;
  }
}
