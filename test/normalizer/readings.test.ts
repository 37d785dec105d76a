import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { request, type RequestParts } from './request.ts';
import { normalizer, readings } from './sample-table.ts';

function overrides(count: number): string {
  return Array.from({ length: count }, (_, index) => `_method=M${index}`).join('&');
}

describe('an encoded slash', () => {
  it('between owner and repository leaves a path that no rule matches', () => {
    expect(readings('GET', 'https://h.example/repos/octo%2Fhello')).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'https://h.example/repos/octo%2fhello')).toBe('UNCLASSIFIED_ACTION');
  });

  it('is data and separator, and both readings have to match', () => {
    expect(readings('GET', 'https://h.example/repos/o%2Fr/contents/x')).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'https://h.example/items/a%2Fb')).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'https://h.example/repos/o/r/contents/a%2Fb')).toEqual([
      'code.read GET h.example/repos/o/r/contents/a%2Fb',
      'code.read GET h.example/repos/o/r/contents/a/b',
    ]);
  });

  it('needs no rule for its separator reading where the rule says `encoded_slash`', () => {
    expect(readings('GET', 'https://h.example/repos/o/r/branches/feature%2Fx')).toEqual([
      'code.read GET h.example/repos/o/r/branches/feature%2Fx',
    ]);
  });

  it('hides no dot segment', () => {
    expect(readings('GET', 'https://h.example/repos/o/r/contents/%2E%2E%2F..%2F..%2Fo2%2Fr2')).toEqual([
      'code.read GET h.example/repos/o/r/contents/..%2F..%2F..%2Fo2%2Fr2',
      'code.read GET h.example/repos/o2/r2',
    ]);
    expect(readings('GET', 'https://h.example/repos/o/r/contents/..%2F..%2F..%2F..%2Fuser')).toBe(
      'UNCLASSIFIED_ACTION',
    );
    expect(readings('GET', 'https://h.example/repos/o/r/contents/..%2F..%2Fr2%2Fcontents%2Fx')).toEqual([
      'code.read GET h.example/repos/o/r/contents/..%2F..%2Fr2%2Fcontents%2Fx',
      'code.read GET h.example/repos/o/r2/contents/x',
    ]);
    expect(readings('GET', 'https://h.example/items/..%2F..%2Fx')).toBe('MALFORMED_REQUEST');
    expect(readings('GET', 'https://h.example/items/1%2F..%2F..%2F..%2Fx')).toBe('MALFORMED_REQUEST');
  });

  it('needs a rule where it leaves empty segments or dot segments behind, whatever the rule says', () => {
    expect(readings('GET', 'https://h.example/repos/o/r/branches/a%2F%2Fb')).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'https://h.example/repos/o/r/branches/a%2F.%2Fb')).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'https://h.example/repos/o/r/branches/%2F')).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'https://h.example/items/%2F/')).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'https://h.example/%2Fitems/1')).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'https://h.example/repos/o/r/contents/%2F%2Fx')).toEqual([
      'code.read GET h.example/repos/o/r/contents/%2F%2Fx',
      'code.read GET h.example/repos/o/r/contents/x',
    ]);
  });
});

describe('path parameters', () => {
  it('are kept and dropped', () => {
    expect(readings('GET', 'https://h.example/items/1;v=2')).toEqual([
      'issue.read GET h.example/items/1;v=2',
      'issue.read GET h.example/items/1',
    ]);
  });

  it('hide no dot segment', () => {
    expect(readings('GET', 'https://h.example/items/..;/repos/o/r')).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'https://h.example/repos/o/r/contents/..;a/..;b/r2/contents/x')).toEqual([
      'code.read GET h.example/repos/o/r/contents/..;a/..;b/r2/contents/x',
      'code.read GET h.example/repos/o/r2/contents/x',
    ]);
    expect(readings('GET', 'https://h.example/repos/o/r/contents/..%3B/..%3B/r2/contents/x')).toEqual([
      'code.read GET h.example/repos/o/r/contents/..%3B/..%3B/r2/contents/x',
      'code.read GET h.example/repos/o/r/contents/..;/..;/r2/contents/x',
      'code.read GET h.example/repos/o/r2/contents/x',
    ]);
    expect(readings('GET', 'https://h.example/..;/items/1')).toBe('MALFORMED_REQUEST');
  });

  it('may go from the last segment alone', () => {
    expect(readings('GET', 'https://h.example/repos/o/r/contents/a;x/b;y')).toEqual([
      'code.read GET h.example/repos/o/r/contents/a;x/b;y',
      'code.read GET h.example/repos/o/r/contents/a/b',
      'code.read GET h.example/repos/o/r/contents/a;x/b',
    ]);
  });

  it('may be dropped before what is escaped is decoded', () => {
    expect(readings('GET', 'https://h.example/items/a%3Bb;c')).toEqual([
      'issue.read GET h.example/items/a%3Bb;c',
      'issue.read GET h.example/items/a;b;c',
      'issue.read GET h.example/items/a%3Bb',
      'issue.read GET h.example/items/a',
      'issue.read GET h.example/items/a;b',
    ]);
  });

  it('may be dropped before or after dot segments are resolved', () => {
    expect(readings('GET', 'https://h.example/items/%2E%2E;x')).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'https://h.example/items/x;a%2F..%2F..;b%2F..%2Fy')).toBe('MALFORMED_REQUEST');
    expect(readings('GET', 'https://h.example/repos/o/r/contents/c/a/..;x%2F..%2Fb')).toEqual([
      'code.read GET h.example/repos/o/r/contents/c/a/..;x%2F..%2Fb',
      'code.read GET h.example/repos/o/r/contents/c',
      'code.read GET h.example/repos/o/r/contents/c/a/b',
      'code.read GET h.example/repos/o/r/contents/b',
    ]);
  });

  it('and encoded slashes together are read in either order', () => {
    expect(readings('GET', 'https://h.example/repos/o/r/contents/a;b%2Fc')).toEqual([
      'code.read GET h.example/repos/o/r/contents/a;b%2Fc',
      'code.read GET h.example/repos/o/r/contents/a',
      'code.read GET h.example/repos/o/r/contents/a;b/c',
      'code.read GET h.example/repos/o/r/contents/a/c',
    ]);
  });
});

describe('an escaped reserved character', () => {
  it('cannot slip past a rule that names the character', () => {
    expect(readings('GET', 'https://h.example/items/x%3Apurge')).toEqual([
      'repo.admin GET h.example/items/x:purge',
      'issue.read GET h.example/items/x%3Apurge',
    ]);
  });

  it('is two readings under one rule, because policies and scopes see both', () => {
    expect(readings('GET', 'https://h.example/items/me%40mail.example')).toEqual([
      'issue.read GET h.example/items/me%40mail.example',
      'issue.read GET h.example/items/me@mail.example',
    ]);
    expect(readings('GET', 'https://h.example/repos/o/r/contents/a%40b%2Fc')).toEqual([
      'code.read GET h.example/repos/o/r/contents/a%40b%2Fc',
      'code.read GET h.example/repos/o/r/contents/a@b%2Fc',
      'code.read GET h.example/repos/o/r/contents/a%40b/c',
      'code.read GET h.example/repos/o/r/contents/a@b/c',
    ]);
  });

  it('is no other reading where a segment cannot hold the character', () => {
    expect(readings('GET', 'https://h.example/items/a%3Fb%23c%20d')).toEqual([
      'issue.read GET h.example/items/a%3Fb%23c%20d',
    ]);
  });
});

describe('a method override', () => {
  const url = 'https://h.example/repos/o/r';

  it.each<[string, string, RequestParts]>([
    ['a header', url, { headers: { 'x-http-method-override': 'DELETE' } }],
    ['a second header', url, { headers: { 'x-http-method': 'delete' } }],
    ['a third header', url, { headers: { 'x-method-override': ' Delete ' } }],
    ['a header given twice', url, { headers: { 'x-http-method-override': ['GET', 'DELETE'] } }],
    ['a list in a header', url, { headers: { 'x-http-method-override': 'GET, DELETE' } }],
    ['a folded header', url, { headers: { 'x-http-method-override': 'GET,\r\n\tdelete' } }],
    [
      'one of two headers',
      url,
      { headers: { 'x-http-method-override': 'GET', 'x-method-override': 'DELETE' } },
    ],
    ['the query', `${url}?_method=DELETE`, {}],
    ['the query, escaped', `${url}?x=1&%5Fmeth%6Fd=%44ELETE`, {}],
    ['the query, behind a semicolon', `${url}?x=1;_method=delete`, {}],
    ['the query, twice', `${url}?_method=GET&_method=DELETE`, {}],
    ['the query, in another case', `${url}?_METHOD=DELETE`, {}],
    ['the query, as a list', `${url}?_method[]=DELETE`, {}],
    ['the query, in brackets', `${url}?[_method]=DELETE`, {}],
    ['the query, with what some servers read as `_`', `${url}?.method=DELETE`, {}],
    ['the query, with a bracket that some servers read as `_`', `${url}?]method=DELETE`, {}],
    ['the query, behind a blank', `${url}?%20_method=DELETE`, {}],
    ['the query, cut at NUL', `${url}?_method%00x=DELETE`, {}],
  ])('in %s is a reading, and the riskier one comes first', (_, target, parts) => {
    expect(readings('GET', target, parts)).toEqual([
      'repo.admin DELETE h.example/repos/o/r',
      'code.read GET h.example/repos/o/r',
    ]);
  });

  it('with the method of the request changes nothing', () => {
    expect(readings('GET', `${url}?_method=get`)).toEqual(['code.read GET h.example/repos/o/r']);
    expect(readings('GET', url, { headers: { 'x-http-method': '' } })).toEqual([
      'code.read GET h.example/repos/o/r',
    ]);
  });

  it('is refused where no rule matches it, or it is no method', () => {
    expect(readings('GET', `${url}?_method=PUT`)).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', `${url}?_method=TRACE`)).toBe('MALFORMED_REQUEST');
    expect(readings('GET', `${url}?_method=GE+T`)).toBe('MALFORMED_REQUEST');
    expect(readings('GET', url, { headers: { 'x-http-method': 'DELETE\u0000' } })).toBe('MALFORMED_REQUEST');
  });

  it('is a reading for each of several, and each of them has to match', () => {
    const headers = { 'x-http-method-override': 'DELETE', 'x-http-method': 'PUT' };
    expect(readings('GET', url, { headers })).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'https://h.example/items/1', { headers: { 'x-http-method': 'DELETE' } })).toBe(
      'UNCLASSIFIED_ACTION',
    );
  });

  it('makes no call milder than it is without it', () => {
    expect(readings('DELETE', url, { headers: { 'x-http-method-override': 'GET' } })).toEqual([
      'repo.admin DELETE h.example/repos/o/r',
      'code.read GET h.example/repos/o/r',
    ]);
  });

  it('multiplies with the readings of the path, up to 64', () => {
    expect(readings('POST', `https://h.example/items/a;b?${overrides(31)}`)).toBe('UNCLASSIFIED_ACTION');
    expect(readings('POST', `https://h.example/items/a;b?${overrides(32)}`)).toBe('MALFORMED_REQUEST');
    const list = { headers: { 'x-http-method': Array.from({ length: 64 }, (_, n) => `M${n}`).join(',') } };
    expect(readings('POST', 'https://h.example/items/a', list)).toBe('MALFORMED_REQUEST');
    expect(readings('GET', 'https://h.example/items/a;b?_method=POST')).toEqual([
      'issue.write POST h.example/items/a;b',
      'issue.write POST h.example/items/a',
      'issue.read GET h.example/items/a;b',
      'issue.read GET h.example/items/a',
    ]);
  });
});

const PARTS =
  'repos items %72epos O r contents x:purge x%3apurge a%2fb ..%2F.. ;v ..; . .. %2e%2E / b%20c %7e'.split(
    ' ',
  );

describe('a law of classification', () => {
  const part = fc.constantFrom(...PARTS);
  const path = fc.oneof(
    fc.array(part, { maxLength: 7 }),
    fc.array(part, { maxLength: 3 }).map((parts) => ['repos', 'o', 'r', 'contents', ...parts]),
    fc.array(part, { maxLength: 1 }).map((parts) => ['items', ...parts]),
  );
  const query = fc.constantFrom('', '?', '?a=%2e', '?_method=POST', '?x;%5fmethod=DELETE');

  it('the canonical form of a target has the readings of the original', () => {
    let classified = 0;
    fc.assert(
      fc.property(fc.constantFrom('H.EXAMPLE.:443', 'h.example'), path, query, (host, parts, mark) => {
        const url = `https://${host}/${parts.join('/')}${mark}`;
        const { target } = normalizer.match(request('GET', url));
        fc.pre(target !== undefined);
        const original = readings('GET', url);
        classified += typeof original === 'string' ? 0 : 1;
        expect(readings('GET', `https://${target.host}${target.path}${target.query}`)).toEqual(original);
      }),
      { numRuns: 1000 },
    );
    expect(classified).toBeGreaterThan(50);
  });
});
