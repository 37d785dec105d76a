import { copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditPipeline } from '../../src/audit/pipeline.ts';
import { newRun, openStateDir, type StateDir } from '../../src/config/state-dir.ts';
import { verifierKeyPath } from '../../src/store/signing-key.ts';
import { eventIdOf } from '../audit/sample-log.ts';
import { decisionRecord } from '../audit/sample-record.ts';
import { makeDir, makeLastingDir } from '../config/place.ts';
import { firma } from './firma.ts';

let state: StateDir;
let runDir: string;
let remove: () => void;

async function writeLog(records: number): Promise<string> {
  const directory = await newRun(state);
  const pipeline = await AuditPipeline.start({
    runDir: directory,
    keyFile: state.logKeyFile,
    origin: `test/${directory}`,
    sidecarId: 'sidecar',
    fsync: 'checkpoint',
  });
  for (let number = 1; number <= records; number += 1) pipeline.append(decisionRecord(number));
  await pipeline.close();
  return directory;
}

beforeAll(async () => {
  const place = makeLastingDir({});
  remove = place.remove;
  state = await openStateDir(join(place.root, 'state'));
  runDir = await writeLog(5);
});

afterAll(() => remove());

const around = () => ({ env: { FIRMA_STATE_DIR: state.root } });

/** A copy of the log in which one byte of its third record's reason is another one. */
function changedCopy(): string {
  const copy = join(makeDir(), 'run');
  cpSync(runDir, copy, { recursive: true });
  const file = join(copy, 'events-0.jsonl');
  const lines = readFileSync(file, 'utf8').split('\n');
  lines[3] = (lines[3] ?? '').replace('"reason":"OK"', '"reason":"KO"');
  writeFileSync(file, lines.join('\n'));
  return copy;
}

describe('firma audit verify', () => {
  it('proves one log, with the key of the state directory or a copy of it', async () => {
    const key = join(makeDir(), 'copy.vkey');
    copyFileSync(verifierKeyPath(state.logKeyFile), key);
    for (const args of [[], ['--key', key]]) {
      const { code, out, err } = await firma(['audit', 'verify', runDir, ...args, '--json'], around());
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(JSON.parse(out)).toMatchObject({ ok: true, records: 6, covered: 6, uncovered: 0, problems: [] });
    }
  });

  it('names the record that was changed, and ends 1', async () => {
    const copy = changedCopy();
    const json = await firma(['audit', 'verify', copy, '--json'], around());
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      ok: false,
      problems: [{ seq: 3, event_id: eventIdOf(3), kind: 'changed', log: copy }],
    });
    const text = await firma(['audit', 'verify', copy], around());
    expect(text.code).toBe(1);
    expect(text.out).toMatch(
      new RegExp(`^run: NOT VERIFIED: .*\n {2}record 3 \\(${eventIdOf(3)}\\) changed: `),
    );
  });

  it('finds a log that was cut back, given a checkpoint kept elsewhere', async () => {
    const copy = join(makeDir(), 'run');
    cpSync(runDir, copy, { recursive: true });
    const notes = readFileSync(join(copy, 'checkpoints'), 'utf8').trimEnd().split('\n\n');
    const last = join(makeDir(), 'last');
    writeFileSync(last, `${notes.slice(-2).join('\n\n')}\n`);
    writeFileSync(join(copy, 'checkpoints'), `${notes.slice(0, 2).join('\n\n')}\n\n`);
    const first = readFileSync(join(copy, 'events-0.jsonl'), 'utf8').split('\n')[0] ?? '';
    writeFileSync(join(copy, 'events-0.jsonl'), `${first}\n`);
    expect((await firma(['audit', 'verify', copy], around())).code).toBe(0);
    const known = await firma(['audit', 'verify', copy, '--checkpoint', last], around());
    expect(known.code).toBe(1);
    expect(known.out).toContain('NOT VERIFIED');
  });

  it('verifies every log of the state directory, one bad one being enough to fail', async () => {
    const second = await writeLog(2);
    const good = await firma(['audit', 'verify', '--json'], around());
    expect(good.code).toBe(0);
    expect(JSON.parse(good.out)).toMatchObject({
      ok: true,
      records: 9,
      logs: [{ log: runDir }, { log: second }],
    });
    writeFileSync(join(second, 'events-0.jsonl'), '{}\n');
    const bad = await firma(['audit', 'verify'], around());
    expect(bad.code).toBe(1);
    expect(bad.out).toMatch(/: verified: 6 records/);
    expect(bad.out).toMatch(/: NOT VERIFIED: /);
    rmSync(second, { recursive: true });
  });

  it('does not take nothing for a proof', async () => {
    const empty = makeDir();
    const { code, err } = await firma(['audit', 'verify', '--state-dir', empty]);
    expect(code).toBe(2);
    expect(err).toContain(`there is no log under \`${empty}\``);
    for (const [path, why] of [
      [empty, 'holds no audit log'],
      [join(empty, 'missing'), 'holds no audit log'],
      [join(runDir, 'events-0.jsonl'), 'cannot be read (ENOTDIR)'],
    ] as const) {
      const other = await firma(['audit', 'verify', path], around());
      expect(other).toMatchObject({ code: 2, out: '', err: expect.stringContaining(why) });
    }
  });

  it.each([
    [
      'a key that is not there',
      ['--key', 'missing.vkey'],
      2,
      'the key `missing.vkey` cannot be read (ENOENT)',
    ],
    [
      'a checkpoint that is not there',
      ['--checkpoint', 'missing'],
      2,
      'the checkpoint `missing` cannot be read (ENOENT)',
    ],
    ['a key that is none', ['--key', '/dev/null'], 1, 'no verifier key'],
  ])('says so for %s', async (_what, args, expected, message) => {
    const { code, out, err } = await firma(['audit', 'verify', runDir, ...args], around());
    expect({ code, out }).toEqual({ code: expected, out: '' });
    expect(err).toContain(message);
  });
});
