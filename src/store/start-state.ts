import { spawn } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { StateUnusable } from '@firma/core';
import { entryPoint } from '../entry-point.ts';
import { stateDir } from './messages.ts';
import type { StateArguments, StateThreadMessage, WriterArguments } from './messages.ts';
import { StateFault } from './state-fault.ts';
import { damagedStore, moveAside, prepareStore } from './state-file.ts';

export interface StateThread {
  /** Resolves when the thread has ended, however. */
  readonly ended: Promise<void>;
}

type Refusal = Extract<StateThreadMessage, { readonly type: 'refused' }>;

/** What is damaged about a store; undefined where it can be gone on with, or something else stops it. */
async function damageOf(dir: string): Promise<string | undefined> {
  try {
    await prepareStore(dir);
  } catch (error) {
    if (error instanceof StateFault) return error.message;
    throw error;
  }
  const child = spawn(process.execPath, [entryPoint('store/state-probe.js'), dir], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {},
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  return new Promise((resolve, reject) => {
    child.once('error', () =>
      reject(new StateUnusable('the state store cannot be looked at', { file: dir })),
    );
    child.once('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(said === '' ? `is damaged: reading it ended with ${signal ?? `exit code ${code}`}` : said);
    });
  });
}

/** Sets a damaged store aside and says where it is; one that is sound stays. */
async function setAside(dir: string): Promise<void> {
  const damage = await damageOf(dir);
  if (damage === undefined) return;
  const aside = await moveAside(dir);
  process.stderr.write(
    `firma: the state store ${damage}; it was moved to \`${aside}\`, an empty one is begun\n`,
  );
}

/**
 * Starts the thread of the state store, and waits until the store is open. Should it fail later, its end of the pipes
 * closes, which refuses every request; the log goes on.
 *
 * @throws StateUnusable where it cannot be opened
 */
export async function startState({ runDir, state, fsync }: WriterArguments): Promise<StateThread> {
  const dir = stateDir(runDir);
  if (state === 'reset') await setAside(dir);
  try {
    await prepareStore(dir);
  } catch (error) {
    throw error instanceof StateFault ? damagedStore(dir, error.message) : error;
  }
  const workerData: StateArguments = { dir, fsync };
  const worker = new Worker(entryPoint('store/state-thread.js'), { workerData });
  let why = 'its thread ended';
  worker.on('error', (error) => (why = error instanceof Error ? error.message : String(error)));
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const refusal = await new Promise<Refusal | undefined>((resolve) => {
    worker.once('message', (message: StateThreadMessage) => {
      resolve(message.type === 'ready' ? undefined : message);
    });
    void ended.then(() => resolve({ type: 'refused', what: `cannot be opened (${why})`, isDamaged: true }));
  });
  if (refusal === undefined) return { ended };
  if (refusal.isDamaged) throw damagedStore(dir, refusal.what);
  throw new StateUnusable(`the state store ${refusal.what}`, { file: dir });
}
