// Between the sidecar and the writer process. Down: one record a line, JSON, on the writer's standard input; its end is
// the order to finish. Up: the messages below, one a line, on its standard output.

/** What the writer process is started with, as its arguments in this order. */
export interface WriterArguments {
  readonly runDir: string;
  readonly keyFile: string;
  readonly origin: string;
  readonly sidecarId: string;
  /** `always`: every batch is put on disk before it is acknowledged as synced. */
  readonly fsync: 'checkpoint' | 'always';
}

export type WriterMessage =
  /** The log is open. */
  | { readonly type: 'ready' }
  /** The log could not be opened; the process ends. */
  | { readonly type: 'refused'; readonly detail: string }
  /** Counted from the start: so many records were handed to the system, and so many are on disk. */
  | { readonly type: 'ack'; readonly written: number; readonly synced: number }
  /** The disk takes nothing now; the writer keeps what it has and tries again. */
  | { readonly type: 'down'; readonly detail: string }
  /** The disk takes records again. */
  | { readonly type: 'up' }
  /** The log cannot go on; the process ends. */
  | { readonly type: 'failed'; readonly detail: string };

export function toArgv(args: WriterArguments): string[] {
  return [args.runDir, args.keyFile, args.origin, args.sidecarId, args.fsync];
}

/** @returns undefined where the words are not those of `toArgv` */
export function fromArgv(argv: readonly string[]): WriterArguments | undefined {
  const [runDir, keyFile, origin, sidecarId, fsync] = argv;
  if (runDir === undefined || keyFile === undefined || origin === undefined || sidecarId === undefined) {
    return undefined;
  }
  if (fsync !== 'checkpoint' && fsync !== 'always') return undefined;
  return { runDir, keyFile, origin, sidecarId, fsync };
}
