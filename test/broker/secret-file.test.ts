import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SecretFile, secretFileProblem } from '../../src/broker/secret-file.ts';

let dir: string;
let path: string;

function write(text: string, mode = 0o600): void {
  writeFileSync(path, text);
  chmodSync(path, mode);
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'firma-secret-'));
  path = join(dir, 'secret');
});

afterEach(() => rmSync(dir, { recursive: true }));

describe('a secret in a file', () => {
  it.each([
    ['abc', 'abc'],
    ['abc\n', 'abc'],
    ['abc\r\n', 'abc'],
    ['abc\n\n', 'abc\n'],
    [' abc ', ' abc '],
  ])('%j is read as %j: one line break at the end is dropped', async (text, secret) => {
    write(text);
    expect(await new SecretFile(path).read()).toEqual({ ok: true, secret });
  });

  it('is read again when it was rotated, in place or by a new file', async () => {
    write('first');
    const file = new SecretFile(path);
    expect(await file.read()).toEqual({ ok: true, secret: 'first' });
    write('other');
    expect(await file.read()).toEqual({ ok: true, secret: 'other' });
    writeFileSync(join(dir, 'new'), 'third', { mode: 0o600 });
    renameSync(join(dir, 'new'), path);
    expect(await file.read()).toEqual({ ok: true, secret: 'third' });
  });

  it('is refused from the moment its mode lets others read it, although it was read before', async () => {
    write('SECRET');
    const file = new SecretFile(path);
    expect((await file.read()).ok).toBe(true);
    chmodSync(path, 0o644);
    const refused = await file.read();
    expect(refused).toEqual({ ok: false, problem: expect.stringContaining('0644') });
    expect(JSON.stringify(refused)).not.toContain('SECRET');
  });

  it('is gone with its file', async () => {
    write('SECRET');
    const file = new SecretFile(path);
    expect((await file.read()).ok).toBe(true);
    rmSync(path);
    expect(await file.read()).toEqual({ ok: false, problem: expect.stringContaining('ENOENT') });
  });

  it.each([0o604, 0o602, 0o620, 0o666, 0o777])('is refused with mode %o', async (mode) => {
    write('SECRET', mode);
    expect((await new SecretFile(path).read()).ok).toBe(false);
  });

  it.each([0o600, 0o400, 0o440, 0o640])('is taken with mode %o', async (mode) => {
    write('SECRET', mode);
    expect((await new SecretFile(path).read()).ok).toBe(true);
  });

  it('may be a link, as mounted secrets are, and the file behind it is what is judged', async () => {
    write('abc');
    const link = join(dir, 'link');
    symlinkSync(path, link);
    expect(await new SecretFile(link).read()).toEqual({ ok: true, secret: 'abc' });
    chmodSync(path, 0o666);
    expect((await new SecretFile(link).read()).ok).toBe(false);
  });

  it('is no directory, and no named pipe that nobody writes to', async () => {
    expect((await new SecretFile(dir).read()).ok).toBe(false);
    execFileSync('mkfifo', ['-m', '600', path]);
    expect(await new SecretFile(path).read()).toEqual({
      ok: false,
      problem: expect.stringContaining('regular'),
    });
  });

  it('is at most 64 KiB', async () => {
    write('');
    truncateSync(path, 64 * 1024);
    expect((await new SecretFile(path).read()).ok).toBe(true);
    truncateSync(path, 64 * 1024 + 1);
    expect((await new SecretFile(path).read()).ok).toBe(false);
  });

  it('belongs to its reader or to root', () => {
    const facts = { regular: true, mode: 0o100600, size: 1, uid: 1000 };
    expect(secretFileProblem(facts, 1000)).toBeUndefined();
    expect(secretFileProblem({ ...facts, uid: 0 }, 1000)).toBeUndefined();
    expect(secretFileProblem(facts, 1001)).toContain('1000');
  });
});
