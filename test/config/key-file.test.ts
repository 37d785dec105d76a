import { execFile } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadOrCreateKeyFile } from '../../src/config/key-file.ts';
import { entryPoint } from '../../src/entry-point.ts';
import { makeDir, refusalOf } from './place.ts';

const execNode = promisify(execFile);

describe('a key file', () => {
  it('is made once, for its owner alone, and read from then on', async () => {
    const folder = join(makeDir(), 'keys');
    const path = join(folder, 'signing.pem');
    expect(await loadOrCreateKeyFile(path, () => 'first')).toBe('first');
    expect(await loadOrCreateKeyFile(path, () => 'second')).toBe('first');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual(['signing.pem']);
  });

  it('is one key for everybody when many start at once', async () => {
    const folder = join(makeDir(), 'keys');
    const path = join(folder, 'signing.pem');
    const keys = await Promise.all(
      Array.from({ length: 16 }, (_, index) => loadOrCreateKeyFile(path, () => `key ${index}`)),
    );
    expect(new Set(keys).size).toBe(1);
    expect(readFileSync(path, 'utf8')).toBe(keys[0]);
    expect(readdirSync(folder)).toEqual(['signing.pem']);
  });

  it('is one key for processes that start at once', async () => {
    const folder = join(makeDir(), 'keys');
    const path = join(folder, 'signing.pem');
    const script = `
      const { loadOrCreateKeyFile } = await import(${JSON.stringify(entryPoint('config/key-file.js'))});
      process.stdout.write(await loadOrCreateKeyFile(${JSON.stringify(path)}, () => 'key of ' + process.pid));`;
    const starts = Array.from({ length: 4 }, () =>
      execNode(process.execPath, ['--input-type=module', '-e', script]),
    );
    const keys = (await Promise.all(starts)).map((done) => done.stdout);
    expect(keys[0]).toMatch(/^key of \d+$/);
    expect(new Set(keys).size).toBe(1);
    expect(readdirSync(folder)).toEqual(['signing.pem']);
  });

  it('is not made where making its text fails', async () => {
    const folder = makeDir();
    const path = join(folder, 'signing.pem');
    await expect(loadOrCreateKeyFile(path, () => Promise.reject(new Error('no entropy')))).rejects.toThrow(
      'no entropy',
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['readable by its group', (path: string) => chmodSync(path, 0o640), 'has mode 0640'],
    ['readable by everybody', (path: string) => chmodSync(path, 0o604), 'run `chmod 600'],
    [
      'too long for a key',
      (path: string) => writeFileSync(path, 'x'.repeat(65_537)),
      'is longer than 65536 bytes',
    ],
  ])('is refused when it is %s', async (_what, spoil, expected) => {
    const path = join(makeDir(), 'signing.pem');
    writeFileSync(path, 'SECRET', { mode: 0o600 });
    spoil(path);
    const { code, message } = await refusalOf(loadOrCreateKeyFile(path, () => 'new'));
    expect(code).toBe('STATE_UNUSABLE');
    expect(message).toContain(`${path}: `);
    expect(message).toContain(expected);
    expect(message).not.toContain('SECRET');
  });

  it('is refused when it is a link or a directory', async () => {
    const folder = makeDir({ real: 'x' });
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
    mkdirSync(join(folder, 'directory'));
    for (const name of ['link', 'dangling', 'directory']) {
      const { message } = await refusalOf(loadOrCreateKeyFile(join(folder, name), () => 'new'));
      expect(message).toContain('is no regular file');
    }
  });

  it('is refused when its directory is open to others', async () => {
    const folder = makeDir();
    chmodSync(folder, 0o755);
    expect((await refusalOf(loadOrCreateKeyFile(join(folder, 'k'), () => 'new'))).message).toContain(
      'has mode 0755',
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});
