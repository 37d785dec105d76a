import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadTrusted } from '../../src/config/load.ts';
import { trust } from '../../src/config/trust.ts';
import { makeDir, refusalOf, write } from './place.ts';

const CONFIG = `[sidecar.mapping]
rules_path = "rules"
[sidecar.policy]
path = "policies"
[[sidecar.upstream.overrides]]
from = "api.example.com:443"
to = "127.0.0.1:8443"
ca = "ca.pem"
[authority]
issuance_path = "issuance.cedar"
`;

const FILES = {
  'firma.toml': CONFIG,
  'rules/b.toml': '# b',
  'rules/a.toml': '# a',
  'rules/notes.md': 'not a table',
  'rules/.hidden.toml': 'an editor left this',
  'policies/one.cedar': '// one',
  'issuance.cedar': '// issuance',
  'ca.pem': 'PEM',
};

let root = '';
let state = '';
let config = '';

beforeEach(() => {
  root = makeDir(FILES);
  config = join(root, 'firma.toml');
  state = join(makeDir(), 'state');
});

const inRoot = (name: string): string => join(root, name);

describe('a trusted configuration', () => {
  it('loads with the text of every file it names, directories expanded by name', async () => {
    await trust(config, state);
    const loaded = await loadTrusted(config, state);
    expect(loaded.mappings.map(({ file, text }) => [file, text])).toEqual([
      ['rules/a.toml', '# a'],
      ['rules/b.toml', '# b'],
    ]);
    expect(loaded.policies.map(({ file, text }) => [file, text])).toEqual([['policies/one.cedar', '// one']]);
    expect(loaded.issuance.map(({ file, text }) => [file, text])).toEqual([
      ['issuance.cedar', '// issuance'],
    ]);
    expect([...loaded.ca]).toEqual([[inRoot('ca.pem'), 'PEM']]);
  });

  it('names a file elsewhere by its whole path, and one that is shipped by `builtin:`', async () => {
    const elsewhere = join(makeDir({ 'extra.toml': '# extra' }), 'extra.toml');
    writeFileSync(config, `[sidecar.mapping]\nrules_paths = ["builtin:", "${elsewhere}", "rules/a.toml"]\n`);
    await trust(config, state);
    const loaded = await loadTrusted(config, state);
    const names = loaded.mappings.map(({ file }) => file);
    expect(names.slice(-2)).toEqual([elsewhere, 'rules/a.toml']);
    expect(names).toContain('builtin:github.toml');
    const shipped = [
      ...names.slice(0, -2),
      ...[...loaded.policies, ...loaded.issuance].map(({ file }) => file),
    ];
    for (const name of shipped) expect(name).toMatch(/^builtin:[a-z0-9-]+\.(toml|cedar)$/);
  });

  it('is frozen all the way down', async () => {
    await trust(config, state);
    const { config: frozen } = await loadTrusted(config, state);
    for (const part of [
      frozen,
      frozen.mapping,
      frozen.proxy.listen,
      frozen.overrides[0],
      frozen.run.profiles[0],
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('reads a table once where two paths lead to it', async () => {
    const paths = 'rules_paths = ["rules", "rules/a.toml", "./rules/../rules"]';
    writeFileSync(config, CONFIG.replace('rules_path = "rules"', paths));
    await trust(config, state);
    expect((await loadTrusted(config, state)).mappings).toHaveLength(2);
  });

  it('does not change when a file changes after it was loaded', async () => {
    await trust(config, state);
    const loaded = await loadTrusted(config, state);
    for (const name of ['firma.toml', 'rules/a.toml', 'policies/one.cedar', 'ca.pem']) {
      writeFileSync(inRoot(name), 'permit everything');
    }
    expect(loaded.policies[0]?.text).toBe('// one');
    expect(loaded.mappings[0]?.text).toBe('# a');
    expect(loaded.ca.get(inRoot('ca.pem'))).toBe('PEM');
  });
});

describe('no configuration', () => {
  it('needs no trust, and stands on what is shipped', async () => {
    const loaded = await loadTrusted(undefined, state);
    expect(loaded.config.file).toBeUndefined();
    expect(loaded.mappings.map(({ file }) => file)).toContain('builtin:github.toml');
    expect(loaded.policies.length).toBeGreaterThan(0);
    expect(loaded.issuance.length).toBeGreaterThan(0);
    expect(loaded.ca.size).toBe(0);
  });
});

describe('a configuration that is not the trusted one is refused', () => {
  it('never trusted', async () => {
    const { code, message } = await refusalOf(loadTrusted(config, state));
    expect(code).toBe('CONFIG_UNTRUSTED');
    expect(message).toBe(
      `${config}: is not trusted; read it and the files it names, then run \`firma trust ${config}\``,
    );
  });

  it.each(['firma.toml', 'rules/b.toml', 'policies/one.cedar', 'issuance.cedar', 'ca.pem'])(
    'when %s changed',
    async (name) => {
      await trust(config, state);
      writeFileSync(inRoot(name), `${readFileSync(inRoot(name), 'utf8')}\n`);
      const { code, message } = await refusalOf(loadTrusted(config, state));
      expect(code).toBe('CONFIG_UNTRUSTED');
      expect(message).toBe(
        `${inRoot(name)}: has changed since it was trusted; look at what changed, then run \`firma trust ${config}\``,
      );
    },
  );

  it('when a file came into a directory it names', async () => {
    await trust(config, state);
    write(inRoot('policies/two.cedar'), 'permit(principal, action, resource);');
    const { code, message } = await refusalOf(loadTrusted(config, state));
    expect(code).toBe('CONFIG_UNTRUSTED');
    expect(message).toContain(`${inRoot('policies/two.cedar')}: is new since`);
  });

  it('when a file left a directory it names', async () => {
    await trust(config, state);
    rmSync(inRoot('rules/b.toml'));
    const { code, message } = await refusalOf(loadTrusted(config, state));
    expect(code).toBe('CONFIG_UNTRUSTED');
    expect(message).toContain(`${inRoot('rules/b.toml')}: is gone since`);
  });

  it('when a file was exchanged for a link to another', async () => {
    await trust(config, state);
    rmSync(inRoot('policies/one.cedar'));
    symlinkSync(inRoot('issuance.cedar'), inRoot('policies/one.cedar'));
    expect((await refusalOf(loadTrusted(config, state))).code).toBe('CONFIG_UNTRUSTED');
  });

  it('before it is parsed, so that it cannot say what is opened', async () => {
    await trust(config, state);
    writeFileSync(config, 'this is not TOML');
    expect((await refusalOf(loadTrusted(config, state))).code).toBe('CONFIG_UNTRUSTED');
  });

  it('under another path, though the bytes are the same', async () => {
    await trust(config, state);
    const copy = makeDir(FILES);
    expect((await refusalOf(loadTrusted(join(copy, 'firma.toml'), state))).code).toBe('CONFIG_UNTRUSTED');
  });
});

describe('trust', () => {
  it('says what is new, what changed and what is gone', async () => {
    const first = await trust(config, state);
    expect(first.changed).toEqual([]);
    expect(first.added).toEqual(
      ['ca.pem', 'firma.toml', 'issuance.cedar', 'policies/one.cedar', 'rules/a.toml', 'rules/b.toml'].map(
        inRoot,
      ),
    );
    expect(await trust(config, state)).toEqual({ added: [], changed: [], removed: [] });

    rmSync(inRoot('rules/a.toml'));
    write(inRoot('rules/c.toml'), '# c');
    writeFileSync(inRoot('issuance.cedar'), '// other');
    expect(await trust(config, state)).toEqual({
      added: [inRoot('rules/c.toml')],
      changed: [inRoot('issuance.cedar')],
      removed: [inRoot('rules/a.toml')],
    });
    await loadTrusted(config, state);
  });

  it('does not trust what would not load, and leaves what was trusted', async () => {
    await trust(config, state);
    writeFileSync(config, '[sidecar]\nname = "x"\n');
    const { code, message } = await refusalOf(trust(config, state));
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toContain(`${config}:2:1: \`sidecar.name\` is no known key`);
    writeFileSync(config, CONFIG);
    await loadTrusted(config, state);
  });

  it('keeps the trust of one configuration apart from that of another', async () => {
    const other = join(makeDir(FILES), 'firma.toml');
    await trust(config, state);
    await trust(other, state);
    writeFileSync(other, `${CONFIG}# changed`);
    await loadTrusted(config, state);
    expect((await refusalOf(loadTrusted(other, state))).code).toBe('CONFIG_UNTRUSTED');
  });

  it('writes records that are whole when many write at once, and leaves no lock', async () => {
    await Promise.all(Array.from({ length: 8 }, () => trust(config, state)));
    await loadTrusted(config, state);
    expect(readdirSync(join(state, 'trust'))).toHaveLength(1);
  });

  it('is not believed where others could have written it', async () => {
    await trust(config, state);
    const folder = join(state, 'trust');
    const record = join(folder, readdirSync(folder)[0] ?? '');
    for (const [path, open, closed] of [
      [record, 0o644, 0o600],
      [folder, 0o777, 0o700],
      [state, 0o755, 0o700],
    ] as const) {
      chmodSync(path, open);
      const { code, message } = await refusalOf(loadTrusted(config, state));
      expect(code).toBe('STATE_UNUSABLE');
      expect(message).toContain(`${path}: has mode`);
      chmodSync(path, closed);
    }
    await loadTrusted(config, state);
  });

  it.each([
    ['damaged', '{"format":1,'],
    ['of another configuration', '{"format":1,"config":"/etc/firma.toml","files":{}}'],
    ['of a newer format', '{"format":2,"config":"","files":{}}'],
  ])('is not believed where its record is %s', async (_what, text) => {
    await trust(config, state);
    const folder = join(state, 'trust');
    writeFileSync(join(folder, readdirSync(folder)[0] ?? ''), text);
    expect((await refusalOf(loadTrusted(config, state))).code).toBe('STATE_UNUSABLE');
  });
});

describe('a file the configuration names', () => {
  it.each([
    ['policies', 'gone', ':4:1: `'],
    ['rules', 'gone', ':2:1: `'],
    ['ca.pem', 'gone', ':8:1: `'],
    ['issuance.cedar', 'gone', ':10:1: `'],
  ])('%s that is %s is reported where it is named', async (name, _what, place) => {
    rmSync(inRoot(name), { recursive: true });
    const { code, message } = await refusalOf(trust(config, state));
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toBe(`${config}${place}${inRoot(name)}\` does not exist`);
  });

  it.each([
    ['an empty directory', 'holds no `*.cedar` file', () => rmSync(inRoot('policies/one.cedar'))],
    ['a directory where a file is wanted', 'is no regular file', () => mkdirSync(inRoot('policies/x.cedar'))],
    [
      'a pipe that nobody writes',
      'is no regular file',
      () => execFileSync('mkfifo', [inRoot('policies/x.cedar')]),
    ],
    ['a device', 'is no regular file', () => symlinkSync('/dev/zero', inRoot('policies/x.cedar'))],
    ['a file without end', 'is longer than 2097152 bytes', () => truncateSync(inRoot('ca.pem'), 1e12)],
    [
      'bytes that are no text',
      'is not UTF-8',
      () => writeFileSync(inRoot('ca.pem'), Buffer.of(0x70, 0xc3, 0x28)),
    ],
    [
      'more files than there is a use for',
      'holds more than 512',
      () => {
        for (let index = 0; index < 513; index += 1) write(inRoot(`rules/${index}.toml`), '');
      },
    ],
    [
      'files that are long together',
      'are longer than 33554432 bytes together',
      () => {
        for (let index = 0; index < 17; index += 1) {
          write(inRoot(`rules/${index}.toml`), '');
          truncateSync(inRoot(`rules/${index}.toml`), 2 * 1024 * 1024);
        }
      },
    ],
  ])('is refused when it is %s', async (_what, expected, spoil) => {
    spoil();
    const { code, message } = await refusalOf(trust(config, state));
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toContain(expected);
  });
});
