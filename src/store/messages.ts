// Between the sidecar and the writer process. Down: one record a line, JSON, on the writer's standard input; its end is
// the order to finish. Up: the messages below, one a line, on its standard output.

import { join } from 'node:path';

/** What the writer process is started with, as its arguments in this order. */
export interface WriterArguments {
  readonly runDir: string;
  readonly keyFile: string;
  readonly origin: string;
  readonly sidecarId: string;
  /** `always`: every batch is put on disk before it is acknowledged as synced. */
  readonly fsync: 'checkpoint' | 'always';
  /** What is done with the state store in `store/` of the run directory; `none` opens none, `reset` moves a damaged one aside. */
  readonly state: 'none' | 'open' | 'reset';
}

/** The state store's requests come in on one descriptor of the writer process and are answered on another. */
export const STATE_INPUT_FD = 3;
export const STATE_OUTPUT_FD = 4;

/** What the thread of the state store is started with. */
export interface StateArguments {
  readonly dir: string;
  readonly fsync: WriterArguments['fsync'];
}

export type StateThreadMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'refused'; readonly what: string; readonly isDamaged: boolean };

export type WriterMessage =
  /** The log is open, and the state store where one was asked for. */
  | { readonly type: 'ready' }
  /** One of the two could not be opened; the process ends. */
  | { readonly type: 'refused'; readonly part: 'log' | 'state'; readonly detail: string }
  /**
   * Counted from the start: so many records were handed to the system, and so many are on disk. `signed` counts from the
   * first record of the log: so many are under a checkpoint.
   */
  | { readonly type: 'ack'; readonly written: number; readonly synced: number; readonly signed: number }
  /** The disk takes nothing now; the writer keeps what it has and tries again. */
  | { readonly type: 'down'; readonly detail: string }
  /** The disk takes records again. */
  | { readonly type: 'up' }
  /** The log cannot go on; the process ends. */
  | { readonly type: 'failed'; readonly detail: string };

export function toArgv(args: WriterArguments): string[] {
  return [args.runDir, args.keyFile, args.origin, args.sidecarId, args.fsync, args.state];
}

/** Where the state store of a run is. */
export function stateDir(runDir: string): string {
  return join(runDir, 'store');
}

/** @returns undefined where the words are not those of `toArgv` */
export function fromArgv(argv: readonly string[]): WriterArguments | undefined {
  const [runDir, keyFile, origin, sidecarId, fsync, state] = argv;
  if (runDir === undefined || keyFile === undefined || origin === undefined || sidecarId === undefined) {
    return undefined;
  }
  if (fsync !== 'checkpoint' && fsync !== 'always') return undefined;
  if (state !== 'none' && state !== 'open' && state !== 'reset') return undefined;
  return { runDir, keyFile, origin, sidecarId, fsync, state };
}
