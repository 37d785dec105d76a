import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalTarget } from '../../native-free-core/normalizer/target.ts';

function pathOf(target: string): string {
  const canonical = canonicalTarget('https', 'h.example', target);
  return 'malformed' in canonical ? 'refused' : canonical.path + canonical.query;
}

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
    ['above the root, escaped in part and in both cases', '/.%2E/%2e./x'],
    ['above the root by way of a blank segment', '/a/%2e%2e//..'],
    ['escaped twice', '/%252e%252e/'],
    ['escaped twice, in upper case', '/a%252F'],
    ['escaped twice, digit by digit', '/%25%32%65'],
    ['escaped twice, the second digit alone', '/%252%65'],
    ['escaped three times', '/%25252e'],
    ['escaped twice, behind what is not', '/100%25/%2541'],
    ['a backslash', '/a\\b'],
    ['a backslash for the first slash', '\\a'],
    ['an escaped backslash', '/a%5cb'],
    ['an escaped backslash in upper case', '/..%5C..'],
    ['an escaped NUL', '/a%00'],
    ['an escaped line feed', '/a%0Ab'],
    ['an escaped delete', '/a%7f'],
    ['a C1 control', '/a%c2%85'],
    ['an escaped escape character', '/a%1B'],
    ['a control character', '/a\u0001'],
    ['a raw NUL', '/a\u0000'],
    ['a raw delete', '/a\u007f'],
    ['a raw C1 control', '/a\u0085'],
    ['a blank', '/a b'],
    ['a tab', '/a\tb'],
    ['a quote', '/a"b'],
    ['a bracket', '/a[0]'],
    ['a brace', '/a{b}'],
    ['a bar', '/a|b'],
    ['a caret', '/a^b'],
    ['a backquote', '/a`b'],
    ['an angle bracket', '/a<b'],
    ['a full-width dot', '/\uff0e\uff0e/a'],
    ['a lone surrogate', '/\ud800'],
    ['a raw letter outside ASCII', '/caf\u00e9'],
    ['a fragment', '/a#b'],
    ['a fragment behind a query', '/a?b#c'],
    ['a blank in the query', '/a?b c'],
    ['a line feed in the query', '/a?b\r\nHost: evil'],
    ['an escape cut off', '/a%2'],
    ['an escape that is none', '/a%zz'],
    ['an escape with a full-width digit', '/%4\uff11'],
    ['an escape in the notation of scripts', '/%u002e%u002e'],
    ['a percent sign before an escape', '/%%32%65'],
    ['a percent sign at the end', '/a%'],
    ['an overlong slash', '/%c0%af'],
    ['an overlong dot', '/%e0%80%ae'],
    ['an overlong dot of four bytes', '/%f0%80%80%ae'],
    ['an overlong letter', '/%c1%81'],
    ['a character half escaped, half raw', '/%c3\u00a9'],
    ['a character with an unescaped end', '/%e2%82a'],
    ['a byte that UTF-8 never has', '/%ff'],
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
    ['more than 256 segments before they are resolved', '/.'.repeat(257)],
    ['more than 8 KiB before it is decoded', `/${'%61'.repeat(2731)}`],
    ['more than 8 KiB with its query', `/?${'a'.repeat(8191)}`],
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
