// The writer: a process of its own that holds the log and the state store of one sidecar. It ends when its inputs do, also
// where the sidecar was killed: what was handed over before that is written, synced and signed first.

import { Socket } from 'node:net';
import { FirmaError } from '@firma/core';
import { ensurePrivateDir } from '../config/private-file.ts';
import { LogWriter } from './log-writer.ts';
import { fromArgv } from './messages.ts';
import type { WriterArguments, WriterMessage } from './messages.ts';
import { RecordSink } from './record-sink.ts';
import { lockRun } from './run-lock.ts';
import { loadSigningKey } from './signing-key.ts';
import { startState } from './start-state.ts';

/** Beyond this an acknowledgement waits: the next one says the same and more. */
const MAX_UNREAD_BYTES = 64 * 1024;

const EXIT_FAILED = 1;
const EXIT_NOT_STARTED = 3;

type Tell = (message: WriterMessage) => void;

/** The way up. It never blocks, and while the sidecar reads nothing it holds one acknowledgement only. */
function talk(output: Socket): Tell {
  let skipped: WriterMessage | undefined;
  const send: Tell = (message) => void output.write(`${JSON.stringify(message)}\n`);
  output.on('drain', () => {
    if (skipped !== undefined) send(skipped);
    skipped = undefined;
  });
  return (message) => {
    if (message.type === 'ack' && output.writableLength > MAX_UNREAD_BYTES) skipped = message;
    else send(message);
  };
}

/** Marks what the state store refuses the start for. */
class StateRefused extends Error {}

async function writeLog(args: WriterArguments, log: LogWriter, tell: Tell): Promise<boolean> {
  const input = process.stdin;
  const isGood = await new Promise<boolean>((resolve) => {
    const sink = new RecordSink({
      log,
      fsync: args.fsync,
      tell,
      onFailed: () => resolve(false),
    });
    const finish = (): void => void sink.finish().then(resolve);
    tell({ type: 'ready' });
    input.on('data', (chunk: Buffer) => sink.receive(chunk));
    input.once('close', finish);
    input.on('error', () => {});
  });
  log.close();
  return isGood;
}

async function run(args: WriterArguments, tell: Tell): Promise<number> {
  await ensurePrivateDir(args.runDir);
  const unlock = await lockRun(args.runDir, process.ppid);
  try {
    // Both at once: each takes about as long as the other.
    const opening = args.state === 'none' ? undefined : startState(args);
    // Heard of below, once the log is open.
    opening?.catch(() => {});
    const signer = await loadSigningKey(args.keyFile, encodeURIComponent(args.sidecarId));
    const log = await LogWriter.open({ ...args, signer });
    const state = await opening?.catch((error: unknown) => {
      log.close();
      throw new StateRefused(error instanceof Error ? error.message : 'unknown error');
    });
    if (!(await writeLog(args, log, tell))) return EXIT_FAILED;
    await state?.ended;
    return 0;
  } finally {
    await unlock();
  }
}

async function main(): Promise<void> {
  // Ctrl-C goes to the whole process group; only the end of the input says that no record will come any more.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  // What lmdb makes is made for everybody otherwise.
  process.umask(0o077);
  const output = new Socket({ fd: 1, readable: false, writable: true });
  output.on('error', () => {});
  // Nobody may be left to read it.
  process.stderr.on('error', () => {});
  const tell = talk(output);
  let code = EXIT_NOT_STARTED;
  try {
    const args = fromArgv(process.argv.slice(2));
    if (args === undefined) throw new FirmaError('USAGE', 'the writer process is started by the sidecar');
    code = await run(args, tell);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    tell({ type: 'refused', part: error instanceof StateRefused ? 'state' : 'log', detail: error.message });
  }
  output.end(() => process.exit(code));
}

await main();
