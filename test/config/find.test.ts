import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findConfig } from '../../src/config/find.ts';
import { makeDir, refusalOf, write } from './place.ts';

describe('the configuration in force', () => {
  it('is the one asked for, before the environment, before the nearest', async () => {
    const root = makeDir({ 'firma.toml': '', 'asked.toml': '', 'env.toml': '' });
    const around = { cwd: root, env: { FIRMA_CONFIG: 'env.toml' } };
    expect(await findConfig('asked.toml', around)).toBe(join(root, 'asked.toml'));
    expect(await findConfig(undefined, around)).toBe(join(root, 'env.toml'));
    expect(await findConfig(undefined, { cwd: root, env: {} })).toBe(join(root, 'firma.toml'));
    expect(await findConfig(undefined, { cwd: root, env: { FIRMA_CONFIG: '' } })).toBe(
      join(root, 'firma.toml'),
    );
  });

  it('is the nearest one upwards', async () => {
    const root = makeDir({ 'firma.toml': '', 'a/firma.toml': '', 'a/b/c/x': '' });
    expect(await findConfig(undefined, { cwd: join(root, 'a/b/c'), env: {} })).toBe(
      join(root, 'a/firma.toml'),
    );
  });

  it('has one name, whichever way its directory is reached', async () => {
    const root = makeDir({ 'real/firma.toml': '' });
    symlinkSync(join(root, 'real'), join(root, 'link'));
    expect(await findConfig('link/firma.toml', { cwd: root, env: {} })).toBe(join(root, 'real/firma.toml'));
  });

  it.each(['asked.toml', 'no/such/asked.toml'])(
    'is never another one where %s does not exist',
    async (name) => {
      const root = makeDir({ 'firma.toml': '' });
      const { code, message } = await refusalOf(findConfig(name, { cwd: root, env: {} }));
      expect(code).toBe('CONFIG_INVALID');
      expect(message).toBe(`${join(root, name)}: does not exist`);
    },
  );

  it('says where the name of a missing file comes from', async () => {
    const root = makeDir();
    const { message } = await refusalOf(
      findConfig(undefined, { cwd: root, env: { FIRMA_CONFIG: 'env.toml' } }),
    );
    expect(message).toBe(`${join(root, 'env.toml')}: does not exist; \`FIRMA_CONFIG\` names it`);
  });

  it('is never one further up where the nearest leads nowhere', async () => {
    const root = makeDir({ 'firma.toml': '' });
    mkdirSync(join(root, 'a'));
    symlinkSync(join(root, 'nowhere'), join(root, 'a/firma.toml'));
    expect(await findConfig(undefined, { cwd: join(root, 'a'), env: {} })).toBe(join(root, 'a/firma.toml'));
  });

  it('is none where a name of nothing is asked for', async () => {
    const root = makeDir();
    write(join(root, 'firma.toml'), '');
    expect((await refusalOf(findConfig('', { cwd: root, env: {} }))).code).toBe('CONFIG_INVALID');
  });
});
