import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalTarget, hostHeaderProblem } from '../../native-free-core/normalizer/target.ts';

function hostOf(hostPort: string): string {
  const target = canonicalTarget('https', hostPort, '/');
  if ('malformed' in target) return 'refused';
  return target.port === 443 ? target.host : `${target.host} ${target.port}`;
}

function pathOf(target: string): string {
  const canonical = canonicalTarget('https', 'h.example', target);
  return 'malformed' in canonical ? 'refused' : canonical.path + canonical.query;
}

describe('the host of a target', () => {
  it.each([
    ['api.github.com', 'api.github.com'],
    ['API.GitHub.com', 'api.github.com'],
    ['api.github.com.', 'api.github.com'],
    ['api.github.com:443', 'api.github.com'],
    ['api.github.com:8443', 'api.github.com 8443'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['my_bucket.example', 'my_bucket.example'],
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
    ['[2001:DB8:0:0:1:0:0:1]:8443', '2001:db8::1:0:0:1 8443'],
    ['[1:0:3:4:5:6:7:8]', '1:0:3:4:5:6:7:8'],
    ['[0:0:0:0:0:0:0:0]', '::'],
    ['[::ffff:192.0.2.1]', '::ffff:c000:201'],
  ])('%s is %s', (written, host) => {
    expect(hostOf(written)).toBe(host);
  });

  it.each([
    '',
    '.',
    'a..b',
    'a.b..',
    '-a.example',
    'a-.example',
    'user@host.example',
    'user:secret@host.example',
    'host.example:0',
    'host.example:65536',
    'host.example:080',
    'host.example:',
    'host.example:80:80',
    'host.example:+80',
    'host.example ',
    'host%2eexample',
    'host\u3002example',
    'b\u00fccher.example',
    '\u212aelvin.example', // the Kelvin sign, whose lower case is an ASCII k
    '\uff11\uff12\uff17.0.0.1',
    '\u0661.example',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '127.1',
    '127.0.0.256',
    '127.0.0.01',
    '1.2.3.4.5',
    'foo.1',
    'foo.0x1',
    '::1',
    '[::1',
    '::1]',
    '[::1%25eth0]',
    '[::1%eth0]',
    '[:::]',
    '[1::2::3]',
    '[1:2:3:4:5:6:7]',
    '[1:2:3:4:5:6:7:8:9]',
    '[::1:2:3:4:5:6:7:8]',
    '[::127.0.0.01]',
    '[127.0.0.1]',
    '[host.example]',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}example`,
  ])('%j is refused', (written) => {
    expect(hostOf(written)).toBe('refused');
  });
});

describe('the path of a target', () => {
  it.each([
    ['', '/'],
    ['?q=1', '/?q=1'],
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b/'],
    ['/%61/%7E%2d%5F', '/a/~-_'],
    ['/a%3ab%2fc', '/a%3Ab%2Fc'],
    ['/a/./b/../c', '/a/c'],
    ['/a/%2e%2E/c', '/c'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/b/.', '/a/b/'],
    ['//a///b//', '/a/b/'],
    ['/.well-known/x', '/.well-known/x'],
    ['/...', '/...'],
    ['/a%20b', '/a%20b'],
    ['/caf%c3%a9/%f0%9f%92%a9', '/caf%C3%A9/%F0%9F%92%A9'],
    ["/!$&'()*+,;=:@", "/!$&'()*+,;=:@"],
    ['/a?x=%2e%2e/../%00&y=a+b|c', '/a?x=%2e%2e/../%00&y=a+b|c'],
    ['/a?', '/a?'],
    ['/100%25', '/100%25'],
  ])('%s is %s', (written, path) => {
    expect(pathOf(written)).toBe(path);
  });

  it.each([
    ['above the root', '/..'],
    ['above the root, later', '/a/../../b'],
    ['above the root, escaped', '/%2e%2e/etc'],
    ['`..` behind an empty segment', '/a//../b'],
    ['escaped twice', '/%252e%252e/'],
    ['escaped twice, digit by digit', '/%25%32%65'],
    ['a backslash', '/a\\b'],
    ['an escaped backslash', '/a%5cb'],
    ['an escaped NUL', '/a%00'],
    ['an escaped line feed', '/a%0Ab'],
    ['an escaped delete', '/a%7f'],
    ['a C1 control', '/a%c2%85'],
    ['a control character', '/a\u0001'],
    ['a blank', '/a b'],
    ['a tab', '/a\tb'],
    ['a quote', '/a"b'],
    ['a bracket', '/a[0]'],
    ['a raw letter outside ASCII', '/caf\u00e9'],
    ['a fragment', '/a#b'],
    ['a fragment behind a query', '/a?b#c'],
    ['a blank in the query', '/a?b c'],
    ['a line feed in the query', '/a?b\r\nHost: evil'],
    ['an escape cut off', '/a%2'],
    ['an escape that is none', '/a%zz'],
    ['an overlong slash', '/%c0%af'],
    ['an overlong dot', '/%e0%80%ae'],
    ['a lone continuation byte', '/%80'],
    ['a character cut off', '/%e2%82'],
    ['a character cut off by a segment', '/%e2/%82%ac'],
    ['an escaped surrogate', '/%ed%a0%80'],
    ['a character beyond Unicode', '/%f4%90%80%80'],
    ['absolute-form', 'https://h.example/a'],
    ['asterisk-form', '*'],
    ['authority-form', 'h.example:443'],
    ['more than 8 KiB', `/${'a'.repeat(8192)}`],
    ['more than 256 segments', '/a'.repeat(257)],
  ])('%s is refused', (_, written) => {
    expect(pathOf(written)).toBe('refused');
  });

  it('goes up to the bounds', () => {
    expect(pathOf(`/${'a'.repeat(8191)}`)).toHaveLength(8192);
    expect(pathOf('/a'.repeat(256))).toHaveLength(512);
  });

  it('dispatches a trailing slash and matches without it', () => {
    expect(canonicalTarget('https', 'h.example', '/a/')).toMatchObject({ path: '/a/', matchPath: '/a' });
    expect(canonicalTarget('https', 'h.example', '/')).toMatchObject({ path: '/', matchPath: '/' });
  });

  it('quotes nothing of a refused target, which may hold a secret', () => {
    expect(canonicalTarget('https', 'user:secret@h.example', '/')).toEqual({
      malformed: 'the target has user info',
    });
  });
});

describe('laws of the canonical target', () => {
  const char = fc.oneof(
    fc.constantFrom('/', '.', '..', '%2F', '%2e', '%25', '%41', '%C3%A9', ';', '%3b', 'a', 'B', '~', ':'),
    fc.string({ minLength: 1, maxLength: 1 }),
  );
  const path = fc.array(char, { maxLength: 24 }).map((parts) => `/${parts.join('')}`);
  const host = fc.constantFrom('h.example', 'H.EXAMPLE.', '127.0.0.1', '[2001:DB8::0:1]', 'h.example:8443');

  it('is idempotent', () => {
    fc.assert(
      fc.property(host, path, (hostPort, target) => {
        const once = canonicalTarget('https', hostPort, target);
        if ('malformed' in once) return;
        const name = once.host.includes(':') ? `[${once.host}]` : once.host;
        expect(canonicalTarget('https', `${name}:${once.port}`, once.path + once.query)).toEqual(once);
      }),
      { numRuns: 2000 },
    );
  });

  it('does not depend on escaping of unreserved characters, dot segments or doubled slashes', () => {
    const name = fc.stringMatching(/^[a-z0-9_~-]{1,6}$/);
    const noise = fc.constantFrom('/', '/./', '//', '/x/../', '/%2e/', '/y/%2E%2e/');
    fc.assert(
      fc.property(fc.array(fc.tuple(noise, name, fc.boolean()), { minLength: 1, maxLength: 6 }), (parts) => {
        const plain = `/${parts.map(([, segment]) => segment).join('/')}`;
        const noisy = parts.map(
          ([before, segment, escape]) => before + (escape ? escaped(segment) : segment),
        );
        expect(pathOf(noisy.join(''))).toBe(plain);
      }),
    );
  });
});

function escaped(text: string): string {
  return [...text].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('');
}

function problem(values: readonly string[] | undefined, hostPort = 'api.github.com'): boolean {
  const target = canonicalTarget('https', hostPort, '/');
  if ('malformed' in target) throw new Error(target.malformed);
  return hostHeaderProblem(values, target) !== undefined;
}

describe('the Host header', () => {
  it('may be absent, or name the target in any spelling', () => {
    expect(problem(undefined)).toBe(false);
    expect(problem(['api.github.com'])).toBe(false);
    expect(problem(['API.github.com.:443'])).toBe(false);
    expect(problem(['[0::1]:8443'], '[::1]:8443')).toBe(false);
  });

  it('is refused where it is given twice, or names another host, port or nothing', () => {
    expect(problem(['api.github.com', 'api.github.com'])).toBe(true);
    expect(problem(['github.com'])).toBe(true);
    expect(problem(['api.github.com:8443'])).toBe(true);
    expect(problem(['api.github.com'], 'api.github.com:8443')).toBe(true);
    expect(problem(['api.github.com, github.com'])).toBe(true);
    expect(problem(['api.github.com/x'])).toBe(true);
    expect(problem([''])).toBe(true);
    expect(problem(['::1'], '[::1]')).toBe(true);
  });
});
