import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withFileLock } from '../../src/config/file-lock.ts';
import { entryPoint } from '../../src/entry-point.ts';
import { makeDir, refusalOf } from './place.ts';

describe('a file lock', () => {
  it('lets one in at a time', async () => {
    const lock = join(makeDir(), 'lock');
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 6 }, () =>
        withFileLock(lock, async () => {
          inside += 1;
          most = Math.max(most, inside);
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(existsSync(lock)).toBe(false);
  });

  it('is given back where the work fails', async () => {
    const lock = join(makeDir(), 'lock');
    await expect(withFileLock(lock, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await withFileLock(lock, () => Promise.resolve('in'))).toBe('in');
  });

  it('is taken over from processes that died with it, by one process at a time', async () => {
    const folder = makeDir();
    const lock = join(folder, 'lock');
    // Dies inside the lock, as if by a power cut: nothing of it is cleaned up.
    const script = `
      const { withFileLock } = await import(${JSON.stringify(entryPoint('config/file-lock.js'))});
      await withFileLock(process.argv[1], async () => process.kill(process.pid, 'SIGKILL'));`;
    const die = (path: string): void => {
      spawnSync(process.execPath, ['--input-type=module', '-e', script, path]);
    };
    die(lock);
    const [, name] = readFileSync(lock, 'utf8').split(' ');
    // Another one found it dead and died while taking it over.
    die(`${lock}.${name ?? ''}`);
    expect(readdirSync(folder)).toHaveLength(2);

    let inside = 0;
    let most = 0;
    let times = 0;
    await Promise.all(
      Array.from({ length: 6 }, () =>
        withFileLock(lock, async () => {
          most = Math.max(most, ++inside);
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
          times += 1;
        }),
      ),
    );
    expect({ most, times }).toEqual({ most: 1, times: 6 });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is taken over where its process number is another process by now', async () => {
    const lock = join(makeDir(), 'lock');
    writeFileSync(lock, `${process.pid}@1 0123456789abcdef`);
    expect(await withFileLock(lock, () => Promise.resolve('in'))).toBe('in');
  });

  it('is left alone where the file is something else', async () => {
    const lock = join(makeDir({ lock: 'notes' }), 'lock');
    expect((await refusalOf(withFileLock(lock, () => Promise.resolve()))).message).toContain(
      'is no lock; remove it',
    );
    expect(readFileSync(lock, 'utf8')).toBe('notes');
  });
});
