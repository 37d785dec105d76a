import type { Command } from 'commander';
import type { ControlClient } from '../session/control-client.ts';
import type { AbortedSession } from '../session/control-messages.ts';
import type { SessionView } from '../session/session-view.ts';
import { EXIT } from './exit.ts';
import { surroundings, withExamples, withJson, withStateDir } from './options.ts';
import { print, printJson } from './output.ts';
import { detailLines, listLines } from './session/lines.ts';

interface Options {
  readonly stateDir?: string;
  readonly control?: string;
  readonly json?: boolean;
}

/** More than a sidecar holds in memory. */
const MAX_PAGES = 1100;

const SID = 'id of the session; one that begins with `-` goes behind `--`';

async function connect(options: Options): Promise<ControlClient> {
  const { stateDirPath } = await import('../config/state-dir.ts');
  const { controlClient } = await import('../session/control-client.ts');
  const { findControl } = await import('../session/running.ts');
  return controlClient(
    options.control ?? (await findControl(stateDirPath(options.stateDir, surroundings()))),
  );
}

async function allSessions(control: ControlClient): Promise<SessionView[]> {
  // One that moves in memory between two pages may be in both.
  const byKey = new Map<string, SessionView>();
  let after: number | undefined;
  for (let count = 0; count < MAX_PAGES; count++) {
    const { sessions, next } = await control.listSessions(after);
    for (const session of sessions) byKey.set(session.key, session);
    if (next === undefined) break;
    after = next;
  }
  return [...byKey.values()].sort((one, other) => other.startMs - one.startMs);
}

async function list(options: Options): Promise<void> {
  const sessions = await allSessions(await connect(options));
  if (options.json === true) printJson({ sessions });
  else print(listLines(sessions, process.stdout.columns));
}

/** An id from the command line, once it can be one: it becomes part of a path. */
async function sessionId(sid: string): Promise<string> {
  const { Usage } = await import('@firma/core');
  const { isSessionId } = await import('../session/control-messages.ts');
  if (isSessionId(sid)) return sid;
  throw new Usage(`\`${sid}\` is no id of a session; \`firma session list\` shows them`);
}

function sayUnknown(sid: string, remedy: string): void {
  process.stderr.write(`firma: the sidecar has no session \`${sid}\` in memory; ${remedy}\n`);
  process.exitCode = EXIT.checkFailed;
}

async function show(given: string, options: Options): Promise<void> {
  const sid = await sessionId(given);
  const session = await (await connect(options)).showSession(sid);
  if (session === undefined) sayUnknown(sid, '`firma session list` shows those it has');
  else if (options.json === true) printJson(session);
  else print(detailLines(session));
}

interface AbortOptions extends Options {
  readonly agent?: string;
  readonly reason?: string;
}

async function abort(given: string, options: AbortOptions): Promise<void> {
  const sid = await sessionId(given);
  const { agent, reason } = options;
  const aborted = await (await connect(options)).abortSession(sid, { agent, reason });
  if (aborted === undefined) {
    sayUnknown(sid, 'give `--agent` with the name of its agent to end it all the same');
    return;
  }
  if (options.json === true) printJson({ ...aborted, aborted: true });
  else print(abortedLine(aborted));
  if (aborted.notKept !== undefined) process.exitCode = EXIT.checkFailed;
}

function abortedLine({ agent, endedBefore, notKept, sid }: AbortedSession): string {
  const session = `session ${sid} of ${agent}`;
  if (notKept !== undefined) return `${session} is ended, but a restart may forget it: ${notKept}`;
  if (endedBefore !== undefined) return `${session} was ended already: ${endedBefore}`;
  return `${session} is ended: its calls are denied, and what it had open is cut`;
}

function withPlace(command: Command): Command {
  return withJson(withStateDir(command)).option(
    '--control <path>',
    'control socket of the sidecar, `control.sock` in the run directory that `firma run` names (default: that of the sidecar that runs for the state directory)',
  );
}

export function register(program: Command): void {
  const session = program
    .command('session')
    .description('look at the sessions of a running sidecar, and end one');
  const listing = session
    .command('list')
    .description('list the sessions with their counters, newest first')
    .action(list);
  withExamples(withPlace(listing), 'firma session list');
  const showing = session
    .command('show')
    .description('show what is known of a session: counters, classes, hosts, budgets')
    .argument('<sid>', SID)
    .action(show);
  withExamples(withPlace(showing), 'firma session show Jq4qWbdn2AAh1XvC0lQHxw');
  const aborting = session
    .command('abort')
    .description('end a session: its later calls are denied, what it has open is cut')
    .argument('<sid>', SID)
    .option('--reason <text>', 'why, for whoever looks at the session later')
    .option('--agent <name>', 'agent of a session that `firma session list` does not show')
    .action(abort);
  withExamples(withPlace(aborting), "firma session abort Jq4qWbdn2AAh1XvC0lQHxw --reason 'sends too much'");
}
