import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeTools } from '../tools.ts';
import { openPlace, type Place } from './place.ts';

let place: Place;

beforeAll(async () => {
  place = await openPlace();
});

afterAll(() => place.close());

const EVENTS = 'events-0.jsonl';
const CHECKPOINTS = 'checkpoints';
const REPOSITORY = 'https://api.github.com/repos/octocat/hello-world';

function parse(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('not an object');
  return Object.fromEntries(Object.entries(value));
}

describeTools('firma run -- curl', ['curl'], () => {
  it('lets a read through, with the credential the agent never had', async () => {
    const { code, out, err } = await place.firma('run', '--', 'curl', '-sS', REPOSITORY);
    expect({ code, answer: parse(out) }).toMatchObject({
      code: 0,
      answer: { full_name: 'octocat/hello-world' },
    });
    expect(place.upstreams.seen.at(-1)).toMatchObject({
      host: 'api.github.com',
      path: '/repos/octocat/hello-world',
      authorization: `Bearer ${place.secret}`,
    });
    expect(err).toContain('started a sidecar for this run');
    expect(err).toContain('no kernel sandbox is active');
  });

  it('denies a DELETE with the reason in an RFC 9457 body, and nothing leaves', async () => {
    const before = place.upstreams.seen.length;
    const { code, out } = await place.firma(
      ...['run', 'curl', '-sS', '-X', 'DELETE', '-w', '\n%{http_code} %{content_type}', REPOSITORY],
    );
    const [body = '', status] = [out.slice(0, out.lastIndexOf('\n')), out.slice(out.lastIndexOf('\n') + 1)];
    expect(code).toBe(0);
    expect(status).toBe('403 application/problem+json');
    expect(parse(body)).toMatchObject({
      type: expect.any(String),
      title: expect.any(String),
      status: 403,
      detail: expect.any(String),
      firma: {
        outcome: 'DENY',
        reason: 'POLICY_NO_PERMIT',
        action_class: 'repo.admin',
        resource: 'api.github.com/repos/octocat/hello-world',
        event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
      error: { type: 'firma_denied', code: 'POLICY_NO_PERMIT' },
    });
    expect(place.upstreams.seen).toHaveLength(before);
  });

  it('keeps its options to itself and exits as the command does', async () => {
    const { code, out } = await place.firma(
      'run',
      '--profile',
      'claude-code',
      'sh',
      '-c',
      'echo "$0 $1"; exit 7',
      '--help',
      '-x',
    );
    expect({ code, out }).toEqual({ code: 7, out: '--help -x\n' });
  });

  it('gives the agent no secret of the caller', async () => {
    const { out } = await place.firma('run', '--', 'sh', '-c', 'env; cat /proc/$$/environ');
    expect(out).toContain('HTTPS_PROXY=http://');
    expect(out).not.toContain(place.secret);
    expect(out).not.toContain('E2E_TOKEN');
  });

  it('puts neither credential nor proxy password into the log', async () => {
    const { out } = await place.firma(
      'run',
      '--',
      'sh',
      '-c',
      `curl -sS ${REPOSITORY} >/dev/null; echo "$HTTPS_PROXY"`,
    );
    const password = /:([^:@]+)@/.exec(out)?.[1] ?? '';
    expect(password.length).toBeGreaterThan(20);
    const log = readFileSync(join(place.runs().at(-1) ?? '', EVENTS), 'utf8');
    expect(log).toContain('"outcome":"ALLOW"');
    expect(log).not.toContain(place.secret);
    expect(log).not.toContain(password);
  });
});

describeTools('firma audit verify', ['curl'], () => {
  let log: string;

  beforeAll(async () => {
    const url = `${REPOSITORY}/commits`;
    const loop = `for i in 1 2 3 4 5; do curl -sS ${url} >/dev/null; done`;
    const { code } = await place.firma('run', '--', 'sh', '-c', loop);
    expect(code).toBe(0);
    log = place.runs().at(-1) ?? '';
  });

  const read = (dir: string, name: string): string => readFileSync(join(dir, name), 'utf8');

  const copyOf = (dir: string): string => {
    const copy = `${dir}-tampered`;
    rmSync(copy, { recursive: true, force: true });
    cpSync(dir, copy, { recursive: true, filter: (source) => !source.endsWith('.sock') });
    return copy;
  };

  const tampered = (change: (lines: string[]) => string[]): string => {
    const copy = copyOf(log);
    const lines = read(copy, EVENTS).trimEnd().split('\n');
    writeFileSync(join(copy, EVENTS), `${change(lines).join('\n')}\n`);
    return copy;
  };

  const problemsOf = async (dir: string, ...more: readonly string[]) => {
    const { code, out } = await place.firma('audit', 'verify', dir, '--json', ...more);
    const { ok, problems } = parse(out);
    return { code, ok, problems };
  };

  it('accepts the log, and every log of the state directory', async () => {
    expect(await problemsOf(log)).toEqual({ code: 0, ok: true, problems: [] });
    const { code, out } = await place.firma('audit', 'verify', '--json');
    expect({ code, report: parse(out) }).toMatchObject({
      code: 0,
      report: { ok: true, uncovered: 0, problems: [] },
    });
  });

  it('names the record of a changed byte', async () => {
    const line = read(log, EVENTS).split('\n')[6] ?? '';
    const changed = line.replace('"e2e"', '"e2f"');
    expect(changed).not.toBe(line);
    expect(await problemsOf(tampered((lines) => lines.with(6, changed)))).toMatchObject({
      code: 1,
      ok: false,
      problems: [expect.objectContaining({ seq: 6, event_id: parse(line)['event_id'], kind: 'changed' })],
    });
  });

  it.each<[string, (lines: string[]) => string[]]>([
    ['a removed line', (lines) => lines.toSpliced(4, 1)],
    ['two lines swapped', (lines) => lines.with(4, lines[5] ?? '').with(5, lines[4] ?? '')],
    ['a line inserted', (lines) => lines.toSpliced(4, 0, lines[3] ?? '')],
  ])('finds %s', async (_what, change) => {
    const { problems, ...result } = await problemsOf(tampered(change));
    expect(result).toEqual({ code: 1, ok: false });
    expect(problems).not.toEqual([]);
  });

  it('finds a cut tail when given the last checkpoint, and by nothing else', async () => {
    // A note is a text and its signatures, parted by an empty line; the second line of the text is the size it covers.
    const parts = read(log, CHECKPOINTS).trimEnd().split('\n\n');
    const size = Number(parts[0]?.split('\n')[1]);
    const lines = read(log, EVENTS).trimEnd().split('\n');
    expect(size).toBeGreaterThan(0);
    expect(size).toBeLessThan(lines.length);
    const kept = join(place.root, 'last-checkpoint');
    writeFileSync(kept, `${parts.slice(-2).join('\n\n')}\n`);
    const copy = tampered(() => lines.slice(0, size));
    writeFileSync(join(copy, CHECKPOINTS), `${parts.slice(0, 2).join('\n\n')}\n\n`);

    expect(await problemsOf(copy)).toEqual({ code: 0, ok: true, problems: [] });
    expect(await problemsOf(log, '--checkpoint', kept)).toEqual({ code: 0, ok: true, problems: [] });
    expect(await problemsOf(copy, '--checkpoint', kept)).toMatchObject({ code: 1, ok: false });
  });
});

describe('where a sidecar runs already', () => {
  it('the run attaches to it and says so', async () => {
    const { spawn } = await import('node:child_process');
    const { entryPoint } = await import('../../src/entry-point.ts');
    const sidecar = spawn(process.execPath, [entryPoint('cli/main.js'), 'sidecar', '--json'], {
      cwd: place.root,
      env: { PATH: process.env['PATH'], FIRMA_STATE_DIR: place.stateDir, E2E_TOKEN: place.secret },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await new Promise((resolve) => sidecar.stdout.once('data', resolve));
      const runs = place.runs().length;
      const { code, err } = await place.firma('run', '--', 'true');
      expect({ code, attached: err.includes('attached to the running sidecar') }).toEqual({
        code: 0,
        attached: true,
      });
      expect(place.runs()).toHaveLength(runs);
      const second = await place.firma('sidecar');
      expect(second).toMatchObject({
        code: 3,
        err: expect.stringContaining('a sidecar runs for this state directory'),
      });
    } finally {
      sidecar.kill('SIGTERM');
      await new Promise((resolve) => sidecar.once('exit', resolve));
    }
    expect(sidecar.exitCode).toBe(0);
    expect((await place.firma('run', '--', 'true')).err).toContain('started a sidecar for this run');
  });
});
