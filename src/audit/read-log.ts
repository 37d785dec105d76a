import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LineSplitter, StateUnusable } from '@firma/core';
import { errorCode, stateUnusable } from '../config/private-file.ts';
import { listEventFiles, readEvents } from '../store/log-files.ts';

/** One log below a state directory. */
export interface FoundLog {
  readonly runId: string;
  readonly runDir: string;
}

/**
 * Every run of a state directory that has a log, oldest name first.
 *
 * @throws StateUnusable where a directory cannot be read
 */
export async function findLogs(stateDir: string): Promise<FoundLog[]> {
  const runs = join(stateDir, 'runs');
  let entries;
  try {
    entries = await readdir(runs, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw stateUnusable('cannot be read', error, runs);
  }
  const found: FoundLog[] = [];
  for (const entry of entries) {
    const runDir = join(runs, entry.name);
    if (entry.isDirectory() && (await listEventFiles(runDir)).length > 0) {
      found.push({ runId: basename(runDir), runDir });
    }
  }
  return found.sort((a, b) => (a.runId < b.runId ? -1 : 1));
}

/**
 * The records of a log as their canonical JSON texts, in order; an unfinished last one is left out. Verifies nothing.
 *
 * @throws StateUnusable where the directory has no log or cannot be read
 */
export async function* readLog(runDir: string): AsyncGenerator<string> {
  const firsts = await listEventFiles(runDir);
  if (firsts.length === 0) throw new StateUnusable('holds no audit log', { file: runDir });
  const splitter = new LineSplitter();
  const decoder = new TextDecoder();
  for await (const piece of await readEvents(runDir, firsts)) {
    for (const line of splitter.push(piece)) yield decoder.decode(line);
  }
}
