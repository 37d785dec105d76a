import { describe, expect, it } from 'vitest';
import { MappingInvalid } from '../../native-free-core/errors.ts';
import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';

function load(text: string) {
  return loadMappings([{ file: 'mappings/t.toml', text }]);
}

function ruleWith(...lines: readonly string[]): string {
  return ['[[rules]]', 'host = "h.example"', 'action_class = "code.read"', ...lines].join('\n');
}

describe('a mapping table', () => {
  it('keeps all a rule says', () => {
    const mappings = load(`
[[rules]]
method = ["POST", "PUT"]
host = "*.example.com:8443"
scheme = "http"
path = "/a/*/b*/**"
action_class = "payment.transfer"
fold = [1, 3]
encoded_slash = true
[rules.params]
amount = "json:/data/0/amount"
note = "header:x-note"
`);
    expect(mappings.rules[0]?.rule).toMatchObject({
      where: 'mappings/t.toml:2',
      scheme: 'http',
      port: 8443,
      methods: ['POST', 'PUT'],
      foldMask: 0b101,
      encodedSlash: true,
      actionClass: { name: 'payment.transfer' },
    });
    expect(mappings.params).toEqual({ amount: 'long', note: 'string' });
    expect([...mappings.readHeaders]).toEqual([
      'host',
      'content-type',
      'content-encoding',
      'soapaction',
      'x-http-method-override',
      'x-http-method',
      'x-method-override',
      'x-note',
    ]);
  });

  it('means the same whatever the order and the files of its rules', () => {
    const one = ruleWith('path = "/a"');
    const two = ruleWith('path = "/b"', 'method = ["PUT", "GET"]');
    const group = '[[groups]]\nname = "g"\nhosts = ["b.example", "a.example"]';
    const whole = load([one, two, group].join('\n'));
    const parts = loadMappings([
      { file: 'z', text: `# moved\n${two.replace('"PUT", "GET"', '"GET", "PUT"')}` },
      { file: 'y', text: `[[groups]]\nname = "g"\nhosts = ["a.example"]` },
      { file: 'x', text: `${one}\n[[groups]]\nname = "g"\nhosts = ["b.example"]` },
    ]);
    expect(JSON.stringify(parts.canonical)).toBe(JSON.stringify(whole.canonical));
    expect(JSON.stringify(load(one).canonical)).not.toBe(JSON.stringify(whole.canonical));
  });

  it('may be empty', () => {
    expect(load('').rules).toEqual([]);
  });

  it.each<[string, string, RegExp]>([
    ['not TOML', 'a = = b', /^mappings\/t\.toml:1:\d+: not valid TOML/],
    ['an unknown table', '[[rule]]', /:1:1: unknown key `rule`; did you mean `rules`\?/],
    ['an unknown key', ruleWith('metod = "GET"'), /:4:1: unknown key `metod`; did you mean `method`\?/],
    [
      'a reader without its table',
      ruleWith('refine = "graphql"'),
      /:4:1: `refine` needs a `\[rules\.refine_map\]`/,
    ],
    [
      'a table without its reader',
      ruleWith('[rules.refine_map]', 'a = "code.read"'),
      /:4:1: `refine_map` needs a `refine` beside it/,
    ],
    ['a key of the prototype', ruleWith('__proto__ = 1'), /:4:1: unknown key `__proto__`/],
    ['no host', '[[rules]]\naction_class = "code.read"', /:1:1: `host` is missing/],
    ['no class', '[[rules]]\nhost = "h"', /:1:1: `action_class` is missing/],
    [
      'an unknown class',
      ruleWith().replace('code.read', 'code.raed'),
      /:3:1: `code\.raed` is no action class; did you mean `code\.read`\?/,
    ],
    ['a category', ruleWith().replace('code.read', 'payment.*'), /:3:1: `payment\.\*` is no action class/],
    [
      'a class that is no string',
      '[[rules]]\nhost = "h"\naction_class = 1',
      /:3:1: `action_class` is not a string/,
    ],
    ['a host in capitals', ruleWith().replace('h.example', 'H.example'), /:2:1: .*write `h\.example`/],
    ['a wildcard inside a host', ruleWith().replace('h.example', 'a*.example'), /:2:1: host `a\*\.example`/],
    ['a scheme in the host', ruleWith().replace('h.example', 'https://h.example'), /:2:1: host/],
    ['another scheme', ruleWith('scheme = "ftp"'), /:4:1: `scheme` is `ftp`; write `https` or `http`/],
    [
      'a path without a slash',
      ruleWith('path = "a"'),
      /:4:1: path `a` does not start with `\/`; write `\/a`/,
    ],
    ['a path that is not canonical', ruleWith('path = "/a//b"'), /:4:1: .*write `\/a\/b`/],
    ['a path with `**` inside', ruleWith('path = "/**/a"'), /:4:1: path/],
    [
      'an operation that a protocol does not have',
      ruleWith('refine = "git-receive-pack"', '[rules.refine_map]', 'delet = "code.destructive"'),
      /:6:1: `delet` is no operation of `git-receive-pack`; did you mean `delete`\?/,
    ],
    [
      'a fold of a segment that its path does not have',
      ruleWith('path = "/a/*"', 'fold = [3]'),
      /:5:1: `fold` names segment 3, which `\/a\/\*` does not have/,
    ],
    [
      'a fact in a segment that its path does not have',
      ruleWith('path = "/a/*"', '[rules.params]', 'name = "path:3"'),
      /:6:1: `path:3` names a segment that `\/a\/\*` does not have/,
    ],
    [
      'a URL for a host',
      'rules = [{ host = "https://h.example/", action_class = "code.read" }]',
      /has a scheme or a path/,
    ],
    ['no method', ruleWith('method = []'), /:4:1: `method` is an empty list/],
    ['TRACE', ruleWith('method = "TRACE"'), /:4:1: `method` names `TRACE`: the method `TRACE` is refused/],
    [
      'a method in lower case',
      ruleWith('method = "get"'),
      /:4:1: `method` names `get`: the method is not an upper-case token/,
    ],
    ['a method twice', ruleWith('method = ["GET", "GET"]'), /:4:1: `GET` is named twice/],
    ['a method that is no string', ruleWith('method = [1]'), /:4:1: `method` is not/],
    ['a fold that is no list', ruleWith('fold = 2'), /:4:1: `fold` is not a list/],
    ['a fold of segment 0', ruleWith('fold = [0]'), /:4:1: `fold` names segments/],
    ['a fold of segment 17', ruleWith('fold = [17]'), /:4:1: `fold` names segments/],
    [
      'a flag that is no flag',
      ruleWith('encoded_slash = "yes"'),
      /:4:1: `encoded_slash` is not true or false/,
    ],
    [
      'what only a later version acts on',
      ruleWith('websocket = true'),
      /:4:1: `websocket` is not supported in this version; remove it/,
    ],
    ['params that are a date', ruleWith('params = 1979-05-27'), /:4:1: `params` is not a table/],
    ['rules that are one table', '[rules]\nhost = "h"', /:1:1: `rules` is not a list/],
    ['a group without hosts', '[[groups]]\nname = "g"', /:1:1: `hosts` is not a list/],
    ['a group with a bad host', '[[groups]]\nname = "g"\nhosts = [\n"ok",\n"a b"]', /:5:1: host `a b`/],
    ['a group with a bad name', '[[groups]]\nname = "a b"\nhosts = ["h"]', /:2:1: `a b` is no group name/],
  ])('is refused with %s', (_, text, message) => {
    expect(() => load(text)).toThrow(MappingInvalid);
    expect(() => load(text)).toThrow(message);
  });

  it.each([
    ['Amount = "form:a"', /`Amount` is no name/],
    ['a = "amount"', /names no source/],
    ['a = "body:x"', /names no source/],
    ['a = 1', /`a` is not a string/],
    ['a = "form:"', /names no key/],
    ['a = "form:items[0"', /names no key/],
    ['a = "json:amount"', /no JSON pointer/],
    ['a = "json:"', /no JSON pointer/],
    ['a = "json:/a~2"', /no JSON pointer/],
    ['a = "path:0"', /names no path segment/],
    ['a = "header:X-Note"', /lower case/],
    ['a = "header:authorization"', /would read a secret/],
    ['a = "header:x-api-key"', /would read a secret/],
  ])('is refused with the param %s', (line, message) => {
    expect(() => load(ruleWith('[rules.params]', line))).toThrow(message);
    expect(() => load(ruleWith('[rules.params]', line))).toThrow(/^mappings\/t\.toml:5:1: /);
  });

  it('is refused where a rule reads its body in two formats', () => {
    const text = ruleWith('[rules.params]', 'amount = "form:a"', 'note = "json:/b"');
    expect(() => load(text)).toThrow(/^mappings\/t\.toml:4:1: a body is a form or JSON, never both/);
  });
});
