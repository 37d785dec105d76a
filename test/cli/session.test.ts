import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listLines } from '../../src/cli/session/lines.ts';
import { type Control, startControl } from '../../src/session/control.ts';
import type { AbortedSession, AbortRequest } from '../../src/session/control-messages.ts';
import { makeDir } from '../config/place.ts';
import { controlHandlers } from '../session-host/handlers.ts';
import { sessionDetail } from '../session-host/session-detail.ts';
import { firma, type Finished } from './firma.ts';

const FIRST = sessionDetail();
const SECOND = sessionDetail({
  sid: 'Zq4qWbdn2AAh1XvC0lQHxw',
  key: 'second',
  agent: 'bad\u001b[31m',
  startMs: FIRST.startMs + 1000,
  aborted: 'POLICY_ABORT',
});

let control: Control | undefined;
let root: string;
let aborted: AbortRequest[];
let ended: Pick<AbortedSession, 'endedBefore' | 'notKept'>;

beforeEach(async () => {
  root = makeDir();
  aborted = [];
  ended = { endedBefore: undefined, notKept: undefined };
  control = await startControl({
    path: join(root, 'run', 'control.sock'),
    handlers: controlHandlers({
      // As it is when the last session of a page has left memory: its place stands, and the second one comes twice.
      listSessions: (_limit, after) =>
        after === undefined
          ? { sessions: [SECOND], next: 7 }
          : { sessions: [SECOND, FIRST], next: undefined },
      showSession: (sid) => [FIRST, SECOND].find((session) => session.sid === sid),
      abortSession: ({ agent, reason, sid }) => {
        aborted.push({ agent, reason, sid });
        const by = agent ?? (sid === FIRST.sid ? FIRST.agent : undefined);
        return Promise.resolve(by === undefined ? undefined : { sid, agent: by, ...ended });
      },
    }),
  });
});

afterEach(async () => {
  await control?.close();
  control = undefined;
});

const session = (...args: readonly string[]): Promise<Finished> =>
  firma(['session', ...args, '--control', join(root, 'run', 'control.sock')], { env: { HOME: root } });

describe('firma session', () => {
  it('lists sessions, newest first, and nothing that a terminal acts on', async () => {
    const { code, out } = await session('list');
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^SID +AGENT +ALLOWED +DENIED +OPEN +LAST CLASS$/);
    expect(lines[1]).toMatch(/^Zq4q.* bad\\x1b\[31m +9 +3 +2 +aborted: POLICY_ABORT$/);
    expect(lines[2]).toMatch(/^Jq4q.* agent-7 +9 +3 +2 +code\.read$/);
    expect(lines).toHaveLength(3);
  });

  it('shows all that is known of one', async () => {
    const { code, out } = await session('show', FIRST.sid);
    expect(code).toBe(0);
    for (const fact of [
      /^start +2026-01-02T03:04:05\.000Z$/m,
      /^aborted +no$/m,
      /^calls +9 allowed, 3 denied, 2 open$/m,
      /^hosts +api\.github\.com api\.stripe\.com$/m,
      /^injected +github$/m,
      /^bytes \(finished calls\) +345 sent, 6789 received$/m,
      /^amounts +2000 usd/m,
      /^spend +session +10000 +2000 +500 +7500 +1d +usd, minor units$/m,
    ]) {
      expect(out).toMatch(fact);
    }
  });

  it('gives the same as JSON', async () => {
    const listed: unknown = JSON.parse((await session('list', '--json')).out);
    expect(listed).toMatchObject({
      sessions: [{ sid: SECOND.sid, aborted: 'POLICY_ABORT' }, { sid: FIRST.sid }],
    });
    expect(JSON.parse((await session('show', FIRST.sid, '--json')).out)).toEqual(FIRST);
  });

  it('ends one, and says so', async () => {
    const { code, out } = await session('abort', FIRST.sid, '--reason', 'sends too much');
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining(FIRST.sid) });
    const json = await session('abort', FIRST.sid, '--json');
    expect(JSON.parse(json.out)).toEqual({ sid: FIRST.sid, agent: 'agent-7', aborted: true });
    const { sid } = FIRST;
    expect(aborted).toEqual([
      { sid, agent: undefined, reason: 'sends too much' },
      { sid, agent: undefined, reason: 'ended by hand' },
    ]);
  });

  it('ends one that is not in memory where its agent is named', async () => {
    const sid = 'AAAAAAAAAAAAAAAAAAAAAA';
    const unknown = await session('abort', sid);
    expect(unknown).toMatchObject({ code: 1, out: '', err: expect.stringContaining('`--agent`') });
    const { code, out } = await session('abort', sid, '--agent', 'agent-9');
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${sid} of agent-9 is ended`),
    });
    expect(aborted.at(-1)).toEqual({ sid, agent: 'agent-9', reason: 'ended by hand' });
  });

  it('says that one was ended before, and why', async () => {
    ended = { endedBefore: 'POLICY_ABORT', notKept: undefined };
    const { code, out } = await session('abort', FIRST.sid);
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ended already: POLICY_ABORT\n$/),
    });
  });

  it('says that one is ended where a restart may forget it, and ends 1', async () => {
    ended = { endedBefore: undefined, notKept: 'the store is gone' };
    const { code, out } = await session('abort', FIRST.sid);
    expect({ code, out }).toMatchObject({
      code: 1,
      out: expect.stringMatching(/is ended, but a restart may forget it: the store is gone\n$/),
    });
    const json = await session('abort', FIRST.sid, '--json');
    expect({ ...json, out: JSON.parse(json.out) as unknown }).toMatchObject({
      code: 1,
      out: { aborted: true, notKept: 'the store is gone' },
    });
  });

  it('that shows none where there is none ends 1 and says what to do', async () => {
    const { code, out, err } = await session('show', 'AAAAAAAAAAAAAAAAAAAAAA');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('firma session list');
  });

  it('takes no path for an id', async () => {
    const { code, err } = await session('show', '../status');
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('no id of a session') });
  });

  it('without a sidecar ends 3 and says what to start', async () => {
    const { code, err } = await firma(['session', 'list'], { env: { FIRMA_STATE_DIR: join(root, 'state') } });
    expect({ code, err }).toMatchObject({ code: 3, err: expect.stringContaining('firma sidecar') });
  });
});

describe('a list of sessions', () => {
  it('fits a terminal', () => {
    const long = sessionDetail({ agent: 'a'.repeat(300), lastClass: 'communication.external.send' });
    const lines = listLines([long], 80);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines[1]).toContain('…');
    expect(listLines([long], undefined)[1]).toContain('communication.external.send');
  });

  it('of none says so', () => expect(listLines([], 80)).toEqual(['no session in memory']));
});
