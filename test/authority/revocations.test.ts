import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RevocationSet } from '@firma/core';
import { describe, expect, it } from 'vitest';
import { MAX_SKEW_S } from '../../src/config/config.ts';
import { Revocations } from '../../src/authority/revocations.ts';
import { NOW_S, tempDir } from './open.ts';

const TTL_S = 3600;

describe('revocations', () => {
  it('start empty, grow in sequence, and survive a restart', async () => {
    const file = join(await tempDir(), 'revocations.json');
    const subject = await Revocations.open(file);
    expect(subject.list).toEqual({ sequence: 0, jti: [], sid: [], sub: [] });
    await subject.add({ jti: 't1' }, NOW_S, TTL_S);
    await subject.add({ sid: 's1' }, NOW_S, TTL_S);
    await subject.add({ sub: 'a1' }, NOW_S, TTL_S);
    await subject.add({ jti: 't1' }, NOW_S, TTL_S);
    const list = { sequence: 4, jti: ['t1'], sid: ['s1'], sub: ['a1'] };
    expect(subject.list).toEqual(list);
    expect((await Revocations.open(file)).list).toEqual(list);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(file, '..'))).toEqual(['revocations.json']);
    expect(new RevocationSet().replace(subject.list, NOW_S)).toBe('replaced');
  });

  it('of tokens and sessions end when no token can be valid any more; of agents never', async () => {
    const subject = await Revocations.open(join(await tempDir(), 'revocations.json'));
    await subject.add({ jti: 't1' }, NOW_S, TTL_S);
    await subject.add({ sid: 's1' }, NOW_S, TTL_S);
    await subject.add({ sub: 'a1' }, NOW_S, TTL_S);
    await subject.add({ jti: 't2' }, NOW_S + TTL_S + MAX_SKEW_S, TTL_S);
    expect(subject.list).toMatchObject({ jti: ['t1', 't2'], sid: ['s1'] });
    await subject.add({ jti: 't3' }, NOW_S + TTL_S + MAX_SKEW_S + 1, TTL_S);
    expect(subject.list).toEqual({ sequence: 5, jti: ['t2', 't3'], sid: [], sub: ['a1'] });
  });

  it('are not lost where two processes revoke at once', async () => {
    const file = join(await tempDir(), 'revocations.json');
    const subjects = await Promise.all([Revocations.open(file), Revocations.open(file)]);
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) =>
        subjects[index % 2]?.add({ jti: `t${index}` }, NOW_S, TTL_S),
      ),
    );
    const { list } = await Revocations.open(file);
    expect(list.jti.toSorted()).toEqual(Array.from({ length: 10 }, (_, index) => `t${index}`));
    expect(list.sequence).toBe(10);
  });

  it.each([{}, { jti: 'a', sid: 'b' }, { sub: '' }, { jti: 'a'.repeat(257) }])(
    'refuse the target %j',
    async (target) => {
      const subject = await Revocations.open(join(await tempDir(), 'revocations.json'));
      await expect(subject.add(target, NOW_S, TTL_S)).rejects.toMatchObject({ code: 'USAGE' });
    },
  );

  it.each([
    '',
    '[]',
    '{"v":2,"sequence":1,"entries":[]}',
    '{"v":1,"sequence":"1","entries":[]}',
    '{"v":1,"sequence":1,"entries":[{"kind":"aud","id":"x"}]}',
    '{"v":1,"sequence":1,"entries":[{"kind":"jti"}]}',
  ])('stop the start where the file is not what was written: %s', async (text) => {
    const file = join(await tempDir(), 'revocations.json');
    await writeFile(file, text, { mode: 0o600 });
    await expect(Revocations.open(file)).rejects.toMatchObject({ code: 'STATE_UNUSABLE', at: { file } });
  });
});
