import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Readable, Writable } from 'node:stream';
import { StartFailed, StateUnusable } from '@firma/core';
import { entryPoint } from '../entry-point.ts';
import { STATE_INPUT_FD, STATE_OUTPUT_FD, stateDir, toArgv } from '../store/messages.ts';
import type { WriterArguments, WriterMessage } from '../store/messages.ts';
import { StateClient } from '../store/state-client.ts';
import { damagedStore } from '../store/state-file.ts';

/** A large log that is gone on with is verified first: about a second for each gigabyte. */
const START_TIMEOUT_MS = 600_000;
const CLOSE_TIMEOUT_MS = 15_000;
/** How a process ends that follows a pointer into nowhere. Nothing native reads data there but the state store. */
const NATIVE_FAULTS = ['SIGBUS', 'SIGSEGV', 'SIGABRT', 'SIGFPE', 'SIGILL'];

function isMessage(value: unknown): value is WriterMessage {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function refused(part: 'log' | 'state', detail: string): Error {
  if (part === 'state') return new StateUnusable(detail);
  return new StartFailed(`the audit log cannot be opened: ${detail}`);
}

function stateClient(child: ChildProcess): StateClient {
  const input = child.stdio[STATE_INPUT_FD];
  const output = child.stdio[STATE_OUTPUT_FD];
  if (!(input instanceof Writable) || !(output instanceof Readable)) {
    throw new StartFailed('the writer process has no pipes');
  }
  return new StateClient(input, output);
}

/**
 * The writer process and the pipes to it.
 *
 * A pipe and not Node's message channel: a write to it is handed to the kernel within the call as long as there is room,
 * so what was written survives the sidecar; and it costs less (measured with records of 1 KB: 120–135k/s against
 * 83–90k/s with JSON messages and 44–56k/s with structured clones).
 */
export class WriterChannel {
  readonly #child: ChildProcess;
  readonly #input: Writable;
  readonly #output: Readable;
  readonly #exited: Promise<string | undefined>;
  readonly #stateDir: string | undefined;
  /** To the state store, where one was asked for. */
  readonly state: StateClient | undefined;

  constructor(args: WriterArguments) {
    const hasState = args.state !== 'none';
    // Nothing of the sidecar's environment: credentials may stand in it.
    const child = spawn(process.execPath, [entryPoint('store/writer-process.js'), ...toArgv(args)], {
      stdio: ['pipe', 'pipe', 'inherit', ...(hasState ? (['pipe', 'pipe'] as const) : [])],
      env: {},
    });
    if (child.stdin === null || child.stdout === null)
      throw new StartFailed('the writer process has no pipes');
    this.#child = child;
    this.#input = child.stdin;
    this.#output = child.stdout;
    this.#stateDir = hasState ? stateDir(args.runDir) : undefined;
    this.state = hasState ? stateClient(child) : undefined;
    // Its death shows as the end of the process; a broken pipe says nothing more.
    this.#input.on('error', () => {});
    this.#exited = new Promise((resolve) => {
      // `close` and not `exit`: what it said last has been read then.
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => {
        resolve(code === 0 ? undefined : signal === null ? `exit code ${code}` : `killed by ${signal}`);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when the process ended, with why unless it ended as it should. */
  get exited(): Promise<string | undefined> {
    return this.#exited;
  }

  /** Whether a write has failed: the writer is gone, also where its end has not been heard of yet. */
  get isBroken(): boolean {
    return this.#input.destroyed || this.#input.errored !== null;
  }

  /**
   * Waits until the log is open, and the state store where one was asked for; then passes every message on.
   *
   * @throws StartFailed where the log cannot be opened, StateUnusable where the state store cannot; the process has ended
   *   then
   */
  async start(onMessage: (message: WriterMessage) => void): Promise<void> {
    let refusal: Error | undefined;
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), START_TIMEOUT_MS);
    const ready = new Promise<boolean>((resolve) => {
      // Not `readline`: a call that waits for its record waits for this.
      let text = '';
      this.#output.setEncoding('utf8').on('data', (piece: string) => {
        const lines = `${text}${piece}`.split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) {
          const message: unknown = JSON.parse(line);
          if (!isMessage(message)) continue;
          if (message.type === 'refused') refusal = refused(message.part, message.detail);
          else if (message.type === 'ready') resolve(true);
          else onMessage(message);
        }
      });
      void this.#exited.then(() => resolve(false));
    });
    const isReady = await ready;
    clearTimeout(timer);
    if (isReady) return;
    const why = await this.#exited;
    if (this.#stateDir !== undefined && NATIVE_FAULTS.some((signal) => why?.endsWith(signal))) {
      throw damagedStore(this.#stateDir, `is damaged: the writer process was ${why}`);
    }
    throw refusal ?? refused('log', why ?? 'the writer process ended');
  }

  send(lines: Uint8Array): void {
    this.#input.write(lines);
  }

  /** Ends the flow of records and waits for the process. @returns why it did not end well, if so */
  async close(): Promise<string | undefined> {
    this.#input.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
    const why = await this.#exited;
    clearTimeout(timer);
    return why;
  }
}
