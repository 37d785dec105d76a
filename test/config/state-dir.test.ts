import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findStateDir, newRun, openStateDir, stateDirPath } from '../../src/config/state-dir.ts';
import { makeDir, refusalOf } from './place.ts';

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe('the path of the state directory', () => {
  it.each([
    ['the option', 'mine', { FIRMA_STATE_DIR: '/b', XDG_STATE_HOME: '/c', HOME: '/d' }, '/w/mine'],
    ['FIRMA_STATE_DIR', undefined, { FIRMA_STATE_DIR: '/b', XDG_STATE_HOME: '/c', HOME: '/d' }, '/b'],
    ['XDG_STATE_HOME', undefined, { FIRMA_STATE_DIR: '', XDG_STATE_HOME: '/c', HOME: '/d' }, '/c/firma'],
    ['HOME', undefined, { XDG_STATE_HOME: 'relative', HOME: '/d' }, '/d/.local/state/firma'],
    ['the user', undefined, {}, join(homedir(), '.local/state/firma')],
  ])('comes from %s', (_what, asked, env, expected) => {
    expect(stateDirPath(asked, { cwd: '/w', env })).toBe(expected);
  });
});

describe('the state directory', () => {
  it('is made whole and for its owner alone', async () => {
    const root = join(makeDir(), 'deep/state');
    const state = await openStateDir(root);
    for (const path of [root, state.ca, state.authority, state.trust, state.runs]) {
      expect(modeOf(path)).toBe(0o700);
    }
    expect(readFileSync(join(root, 'format'), 'utf8')).toBe('1\n');
    expect(modeOf(join(root, 'format'))).toBe(0o600);
    expect(await findStateDir(root)).toEqual(await openStateDir(root));
  });

  it('is closed to others where it was made by hand and is still empty', async () => {
    const root = makeDir();
    chmodSync(root, 0o755);
    await openStateDir(root);
    expect(modeOf(root)).toBe(0o700);
  });

  it.each([
    ['open to others with something in it', (root: string) => chmodSync(root, 0o750), '', 'has mode 0750'],
    [
      'in a part open to others',
      (root: string) => chmodSync(join(root, 'ca'), 0o755),
      'ca',
      'run `chmod 700',
    ],
    [
      'of a newer format',
      (root: string) => writeFileSync(join(root, 'format'), '2\n'),
      'format',
      'says format 2 and this version knows 1',
    ],
    [
      'of no format',
      (root: string) => writeFileSync(join(root, 'format'), 'x'),
      'format',
      'holds no format number',
    ],
  ])('is refused when it is %s', async (_what, spoil, part, expected) => {
    const root = join(makeDir(), 'state');
    await openStateDir(root);
    spoil(root);
    const { code, message } = await refusalOf(openStateDir(root));
    expect(code).toBe('STATE_UNUSABLE');
    expect(message).toContain(`${join(root, part)}: `);
    expect(message).toContain(expected);
  });

  it('is refused when it is a link or a file', async () => {
    const root = makeDir({ file: '' });
    mkdirSync(join(root, 'real'), { mode: 0o700 });
    symlinkSync(join(root, 'real'), join(root, 'link'));
    expect((await refusalOf(openStateDir(join(root, 'link')))).message).toContain('is no directory');
    expect((await refusalOf(openStateDir(join(root, 'file')))).message).toContain('is no directory');
    expect((await refusalOf(openStateDir(join(root, 'file/below')))).code).toBe('STATE_UNUSABLE');
  });

  it('is one and the same for many first starts at once', async () => {
    const root = join(makeDir(), 'state');
    const states = await Promise.all(Array.from({ length: 8 }, () => openStateDir(root)));
    expect(new Set(states.map((state) => JSON.stringify(state))).size).toBe(1);
  });

  it('is not made by whoever only looks', async () => {
    const root = join(makeDir(), 'state');
    expect(await findStateDir(root)).toBeUndefined();
    expect(() => statSync(root)).toThrow('ENOENT');
  });
});

describe('the directory of a run', () => {
  it("sorts by time, is its owner's alone and never the same", async () => {
    const state = await openStateDir(join(makeDir(), 'state'));
    const later = await newRun(state, Date.UTC(2026, 0, 2, 3, 4, 5, 6));
    const earlier = await newRun(state, Date.UTC(2025, 11, 31, 23, 59, 59, 999));
    const same = await newRun(state, Date.UTC(2025, 11, 31, 23, 59, 59, 999));
    expect(basename(later)).toMatch(/^20260102T030405006-[0-9a-f]{8}$/);
    expect(modeOf(later)).toBe(0o700);
    expect(same).not.toBe(earlier);
    expect([later, same, earlier].sort().at(-1)).toBe(later);
  });
});
