import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { LogReport } from '@firma/core';
import type { Command } from 'commander';
import { EXIT } from './exit.ts';
import type { PlaceOptions } from './options.ts';
import { surroundings, withExamples, withJson, withStateDir } from './options.ts';
import { print, printJson } from './output.ts';

interface Options extends PlaceOptions {
  readonly key?: string;
  readonly checkpoint?: string;
  readonly json?: boolean;
}

interface VerifiedLog extends LogReport {
  /** Directory of the run. */
  readonly log: string;
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { Usage } = await import('@firma/core');
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new Usage(`${what} \`${file}\` cannot be read (${code})`);
  }
}

/** The public key that was named, else the one that the state directory keeps beside the signing key. */
async function verifierKey(named: string | undefined, stateRoot: string): Promise<string> {
  if (named !== undefined) return readText(named, 'the key');
  const { verifierKeyPath } = await import('../store/signing-key.ts');
  const { stateLayout } = await import('../config/state-dir.ts');
  return readText(verifierKeyPath(stateLayout(stateRoot).logKeyFile), 'no `--key` is given, and the key');
}

/** The directory that was named. @throws Usage where no log is in it */
async function namedLog(path: string): Promise<string> {
  const { Usage } = await import('@firma/core');
  const { listEventFiles } = await import('../store/log-files.ts');
  const directory = resolve(path);
  const files = await listEventFiles(directory).catch((error: unknown) => {
    throw new Usage(error instanceof Error ? error.message : String(error));
  });
  if (files.length > 0) return directory;
  throw new Usage(`\`${path}\` holds no audit log; name the directory of a run, as \`STATE/runs/RUN\``);
}

async function verify(path: string | undefined, options: Options): Promise<VerifiedLog[]> {
  const { Usage } = await import('@firma/core');
  const { findLogs } = await import('../audit/read-log.ts');
  const { verifyRunLog } = await import('../audit/verify-run.ts');
  const { findStateDir, stateDirPath } = await import('../config/state-dir.ts');
  const stateRoot = stateDirPath(options.stateDir, surroundings());
  let logs: string[];
  if (path === undefined) {
    const state = await findStateDir(stateRoot);
    logs = state === undefined ? [] : (await findLogs(state.root)).map((found) => found.runDir);
  } else {
    logs = [await namedLog(path)];
  }
  if (logs.length === 0) {
    throw new Usage(`there is no log under \`${stateRoot}\`; name one: \`firma audit verify DIR\``);
  }
  if (options.checkpoint !== undefined && logs.length > 1) {
    throw new Usage('`--checkpoint` is of one log; say which: `firma audit verify DIR --checkpoint FILE`');
  }
  const key = await verifierKey(options.key, stateRoot);
  const knownCheckpoint =
    options.checkpoint === undefined ? undefined : await readText(options.checkpoint, 'the checkpoint');
  const verified: VerifiedLog[] = [];
  for (const log of logs) {
    verified.push({ log, ...(await verifyRunLog(log, { verifierKey: key, knownCheckpoint })) });
  }
  return verified;
}

/** The one object of `firma audit verify --json` (semantics §8): the sums, and each log by itself. */
function resultJson(logs: readonly VerifiedLog[]): object {
  const sum = (count: (log: VerifiedLog) => number): number =>
    logs.reduce((total, log) => total + count(log), 0);
  return {
    ok: logs.every((log) => log.ok),
    records: sum((log) => log.records),
    covered: sum((log) => log.covered),
    uncovered: sum((log) => log.uncovered),
    checkpoints: sum((log) => log.checkpoints),
    problems: logs.flatMap((log) => log.problems.map((problem) => ({ ...problem, log: log.log }))),
    logs,
  };
}

function toLines({ log, ok, records, covered, uncovered, checkpoints, problems }: VerifiedLog): string[] {
  const counts = `${records} records, ${covered} covered by ${checkpoints} checkpoints, ${uncovered} uncovered`;
  const lines = problems.map(({ seq, event_id: eventId, kind, detail }) => {
    const record = seq === null ? '' : `record ${seq}${eventId === null ? '' : ` (${eventId})`} `;
    return `  ${record}${kind}: ${detail}`;
  });
  return [`${basename(log)}: ${ok ? 'verified' : 'NOT VERIFIED'}: ${counts}`, ...lines];
}

async function run(path: string | undefined, options: Options): Promise<void> {
  const logs = await verify(path, options);
  if (logs.some((log) => !log.ok)) process.exitCode = EXIT.checkFailed;
  if (options.json === true) printJson(resultJson(logs));
  else for (const log of logs) print(toLines(log));
}

export function register(program: Command): void {
  const audit = program.command('audit').description('work with the signed log');
  const command = audit
    .command('verify')
    .description('prove that no record was changed, removed, inserted or moved since it was signed')
    .argument('[dir]', 'directory of one log (default: every log of the state directory)')
    .option('--key <file>', 'the public key of the log (default: the one in the state directory)')
    .option('--checkpoint <file>', 'a checkpoint kept elsewhere: finds a log that was cut back')
    .action(run);
  withExamples(
    withJson(withStateDir(command)),
    'firma audit verify',
    'firma audit verify ./copy-of-a-run --key log.vkey --checkpoint last-checkpoint --json',
  );
}
