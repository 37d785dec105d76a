import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Finished, firma } from '../cli/firma.ts';
import { makeDir, write } from '../config/place.ts';

/** Processes whose command line names a path: what a start that failed must not leave behind. */
function processesNaming(path: string): string[] {
  if (!existsSync('/proc/self/cmdline')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(path);
      } catch {
        return false;
      }
    });
}

const places: string[] = [];

afterEach(() => {
  for (const root of places.splice(0)) expect(processesNaming(root)).toEqual([]);
});

/** A directory with these files and, where `firma.toml` is one, that configuration trusted. */
async function place(
  files: Readonly<Record<string, string>>,
): Promise<{ root: string; trusted: Finished | undefined; start: () => Promise<Finished> }> {
  const root = makeDir(files);
  places.push(root);
  const around = { cwd: root, env: { FIRMA_STATE_DIR: join(root, 'state'), HOME: root } };
  const trusted = files['firma.toml'] === undefined ? undefined : await firma(['trust'], around);
  return { root, trusted, start: () => firma(['sidecar'], around) };
}

const oneLine = /^firma: [^\n]+\n$/;

describe('a start that cannot be', () => {
  it.each([
    ['a malformed configuration', '[sidecar]\nid = "a\n', 'firma.toml:2'],
    ['an unknown key', '[sidecar]\nid = "a"\naudiense = "b"\n', 'firma.toml:3'],
  ])('cannot be trusted, which says where, and starts nothing untrusted: %s', async (_, text, where) => {
    const root = makeDir({ 'firma.toml': text });
    places.push(root);
    const around = { cwd: root, env: { FIRMA_STATE_DIR: join(root, 'state'), HOME: root } };
    const trusted = await firma(['trust'], around);
    expect(trusted).toMatchObject({ code: 2, err: expect.stringContaining(where) });
    expect(trusted.err).toMatch(oneLine);
    expect(await firma(['sidecar'], around)).toMatchObject({
      code: 2,
      err: expect.stringContaining('is not trusted'),
    });
  });

  it.each([
    [
      'an unknown action class',
      {
        'firma.toml': '[sidecar.mapping]\nrules_path = "rules.toml"\n',
        'rules.toml': '[[rules]]\nhost = "api.test"\naction_class = "payment.transfre"\n',
      },
      'rules.toml:3',
    ],
    [
      'a malformed mapping table',
      {
        'firma.toml': '[sidecar.mapping]\nrules_path = "rules.toml"\n',
        'rules.toml': '[[rules]]\nhost = \n',
      },
      'rules.toml:2',
    ],
    [
      'a policy that does not parse',
      {
        'firma.toml': '[sidecar.policy]\npath = "p.cedar"\n',
        'p.cedar': '@id("a")\npermit (principal, action, resource) when { context. };\n',
      },
      'p.cedar:2',
    ],
    [
      'a policy that does not validate',
      {
        'firma.toml': '[sidecar.policy]\npath = "p.cedar"\n',
        'p.cedar': '@id("a")\npermit (principal, action, resource)\nwhen { context.nothing == 1 };\n',
      },
      'p.cedar:3',
    ],
    [
      'a budget on an unknown class',
      { 'firma.toml': '[[sidecar.budgets]]\nname = "b"\nmatch = ["payments.*"]\nmax_calls = 1\n' },
      'firma.toml',
    ],
  ])('cannot be trusted, which says where, and records nothing: %s', async (_, files, where) => {
    const { root, trusted, start } = await place(files);
    expect(trusted).toMatchObject({ code: 2, out: '', err: expect.stringContaining(where) });
    expect(trusted?.err).toMatch(oneLine);
    expect(existsSync(join(root, 'state'))).toBe(false);
    expect(await start()).toMatchObject({ code: 2, err: expect.stringContaining('is not trusted') });
  });

  it('refuses a configuration that nobody trusted, and one that changed', async () => {
    const { root, start } = await place({ 'firma.toml': '[sidecar]\nid = "a"\n' });
    writeFileSync(join(root, 'firma.toml'), '[sidecar]\nid = "b"\n');
    const { code, err } = await start();
    expect(code).toBe(2);
    expect(err).toContain('firma trust');
  });

  it.each([
    ['a key that others can read', '{}', 0o644, /mode 0644/],
    ['a key that is none', 'not a key', 0o600, /issuer\.jwk/],
  ])('refuses %s', async (_, text, mode, says) => {
    const { root, start } = await place({});
    const file = join(root, 'state', 'authority', 'issuer.jwk');
    mkdirSync(join(root, 'state'), { mode: 0o700 });
    write(join(root, 'state', 'format'), '1\n');
    chmodSync(join(root, 'state', 'format'), 0o600);
    mkdirSync(join(root, 'state', 'authority'), { mode: 0o700 });
    write(file, text);
    chmodSync(file, mode);
    const { code, err } = await start();
    expect(code).toBe(3);
    expect(err).toMatch(oneLine);
    expect(err).toMatch(says);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it.each(['proxy', 'ingress'])('names the port of the %s that is in use', async (room) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    try {
      const address = taken.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const { start } = await place({ 'firma.toml': `[sidecar.${room}]\nlisten = "127.0.0.1:${port}"\n` });
      const { code, err } = await start();
      expect(code).toBe(3);
      expect(err).toContain(`127.0.0.1:${port}`);
      expect(err).toContain('in use');
    } finally {
      taken.close();
    }
  });
});

describe('the state directory', () => {
  it("is its owner's alone, keys and log too", async () => {
    const { root } = await place({});
    const env = { FIRMA_STATE_DIR: join(root, 'state'), HOME: root };
    const ran = await firma(['run', '--', 'true'], { cwd: root, env });
    expect(ran.code).toBe(0);
    const open: string[] = [];
    for (const entry of readdirSync(join(root, 'state'), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const isPublic = /\.(pem|vkey)$/.test(path);
      if (!isPublic && (statSync(path).mode & 0o077) !== 0) open.push(path);
    }
    expect(open).toEqual([]);
  });
});
