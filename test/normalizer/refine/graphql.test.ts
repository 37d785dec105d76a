import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { operationNames } from './bodies.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const UNKNOWN = ['own', 'unknown'];

function post(body: string, query = ''): readonly string[] | string {
  return operationNames('graphql', { body, headers: JSON_TYPE, query });
}

function read(document: string): readonly string[] | string {
  return post(JSON.stringify({ query: document }));
}

/** What `gh pr create` sends. */
const CREATE_PULL_REQUEST = `
    mutation PullRequestCreate($input: CreatePullRequestInput!) {
      createPullRequest(input: $input) {
        pullRequest {
          id
          url
        }
      }
  }`;

describe('a mutation', () => {
  it('is its root fields, and what a query is', () => {
    expect(read(CREATE_PULL_REQUEST)).toEqual(['own', 'createPullRequest']);
    expect(read('mutation{a b(x:1){mutation c}d}')).toEqual(['own', 'a', 'b', 'd']);
    expect(read('mutation { a a }')).toEqual(['own', 'a', 'a']);
  });

  it('reads whatever its answer leads to', () => {
    const file = 'object(expression: "HEAD:x") { ... on Blob { text } }';
    const document = `mutation { addStar(input: {}) { starrable { ... on Repository { ${file} } } } }`;
    expect(read(document)).toEqual(['own', 'addStar']);
  });

  it('is named by its fields and not by their aliases', () => {
    expect(read('mutation { addStar: deleteRef(input: {}) { id } x:y }')).toEqual(['own', 'deleteRef', 'y']);
    expect(read('mutation { x:__typename addStar __typename }')).toEqual(['own', 'addStar']);
    expect(read('mutation { __typename: deleteRef }')).toEqual(['own', 'deleteRef']);
  });

  it('is every mutation of the document, whatever `operationName` says', () => {
    const query = 'query A { viewer { login } } mutation B { b } mutation C { c }';
    expect(post(JSON.stringify({ query, operationName: 'A' }))).toEqual(['own', 'b', 'c']);
  });

  it('may have inline fragments at its root, and is unknown where others are spread there', () => {
    expect(read('mutation { ... on Mutation { a ... @include(if: true) { b } } c }')).toEqual([
      'own',
      'a',
      'b',
      'c',
    ]);
    expect(read('mutation { a ...F } fragment F on Mutation { deleteRef { id } }')).toEqual([
      'own',
      'a',
      'unknown',
    ]);
    expect(read('mutation { a { ...F ... on X { id } } } fragment F on X { id }')).toEqual(['own', 'a']);
  });

  it('may have keywords as names', () => {
    const document =
      'mutation mutation($query: on) { query: mutation(fragment: on, true: null) @on { fragment } on subscription }';
    expect(read(document)).toEqual(['own', 'mutation', 'on', 'subscription']);
  });

  it('is told of up to the 64th field', () => {
    expect(read(`mutation { ${'a '.repeat(63)}}`)).toHaveLength(64);
    expect(read(`mutation { ${'a '.repeat(500)}}`)).toHaveLength(65);
  });
});

describe('a query', () => {
  it('is the own operation of its rule, once', () => {
    expect(read('{ viewer { login } }')).toEqual(['own']);
    expect(read('query A { a } query B { b { ...F } } fragment F on X { mutation }')).toEqual(['own']);
    expect(read('\ufeff# comment\r\n,,{a}#')).toEqual(['own']);
  });

  it('may be all the grammar allows', () => {
    const document = `query Q(
        $a: [Int!]! = [1, -2.5e+3, 0] @d(x: {y: [$a]}), $b: S = "x" $c: I = {k: {l: ENUM, m: true}} ) @live @on(a: 1) {
      alias : field ( a : $a , b : "\\"}\\u00e9" , c : """ } mutation { x } " """ d: "" e: """""") @skip(if: false) {
        ... on User @x { id } ...F @y ... { z } ... @include(if: $b) { z }
      }
    }
    fragment F on User @z { id }`;
    expect(read(document)).toEqual(['own']);
  });
});

describe('a mutation that hides', () => {
  it.each<[string, string, readonly string[]]>([
    ['behind a string', '{ a(b: "\\"") } mutation { evil } # ")', ['own', 'evil']],
    ['behind an escaped backslash', '{ a(b: "\\\\") } mutation { evil } #")}', ['own', 'evil']],
    ['behind a block string', '{ a(b: """ "x" """) } mutation { evil } #""")}', ['own', 'evil']],
    ['behind a block string with a backslash', '{ a(b: """\\\\n""") } mutation { evil }', ['own', 'evil']],
    ['behind an empty string', '{ a(b: "" c: 1) } mutation { evil }', ['own', 'evil']],
    ['behind a comment', '{ a # }\n} mutation { evil }', ['own', 'evil']],
    ['behind a comment with quotes', '{ a # """\n} mutation { evil #"""\n}', ['own', 'evil']],
    ['behind a fragment', 'fragment F on Q { a } mutation { evil }', ['own', 'evil']],
  ])('%s is found', (_, document, names) => {
    expect(read(document)).toEqual(names);
  });

  it.each<[string, string]>([
    ['in a string', '{ a(b: "} mutation { evil }") }'],
    ['in a block string', '{ a(b: """\n"} mutation { evil }\n""") }'],
    ['in a comment', '{ a # } mutation { evil }\n }'],
    ['in a comment to the end', '{ a } # mutation { evil }'],
    ['in a field', '{ mutation { evil } }'],
  ])('%s is none', (_, document) => {
    expect(read(document)).toEqual(['own']);
  });

  it.each<[string, string]>([
    ['after a lone CR in a comment', '# \r{ a }\nmutation { evil }'],
    ['after a line separator in a comment', '# \u2028 mutation { evil }\n{ a }'],
    ['after a paragraph separator in a comment', '# \u2029 mutation { evil }\n{ a }'],
    [
      'after quotes that some lexers end a block string with',
      '{ a(b: ["""a"""""" "]) } mutation { evil } #"""]) }',
    ],
    [
      'after an escape in a block string that some lexers do not know',
      '{ a(b: """ "\\""") } mutation { evil } #""") }',
    ],
    ['after NUL', '{ a }\0 mutation { evil }'],
    ['in a subscription', 'subscription { evil }'],
  ])('%s is unknown', (_, document) => {
    expect(read(document)).toEqual(UNKNOWN);
  });
});

describe('a document', () => {
  it.each([
    '',
    ' # nothing',
    'mutation',
    'mutation {',
    'mutation { a',
    'mutation { a }}',
    'mutation { }',
    'mutation { a() }',
    'mutation { a(b) }',
    'mutation { a(b:) }',
    'mutation { a(b: [) }',
    'mutation { a(b: {c}) }',
    'mutation { a: }',
    'mutation { : a }',
    'mutation { a @ }',
    'mutation { ... on { a } }',
    'mutation { ..a }',
    'mutation { a & b }',
    'mutation A B { a }',
    'mutation () { a }',
    'mutation ($a) { a }',
    'mutation ($a: ) { a }',
    'mutation ($a: [A) { a }',
    'mutation ($a: A!!) { a }',
    'mutation { a(b: "x) }',
    'mutation { a(b: "x\n") }',
    'mutation { a(b: "\\x") }',
    'mutation { a(b: "\\u12") }',
    'mutation { a(b: """x"") }',
    "mutation { a(b: 'x') }",
    'mutation { a(b: 01) }',
    'mutation { a(b: 1.) }',
    'mutation { a(b: 0xF) }',
    'mutation { a(b: 1.2.3) }',
    'mutation { a(b: -) }',
    'mutation { \u00e9 }',
    'mutation { a\u00a0b }',
    'Mutation { a }',
    'fragment F on X { a }',
    'fragment on on X { a } { a }',
    'fragment F { a } { a }',
    'type X { a: Int } { a }',
    '"about" query { a }',
    '{ a } { ',
    `{ a${'{a'.repeat(70)}${'}'.repeat(71)}`,
    `{ a(b: ${'['.repeat(70)}${']'.repeat(70)}) }`,
    `{ a(b: ${'{a:'.repeat(70)}1${'}'.repeat(70)}) }`,
    `query ($a: ${'['.repeat(70)}A${']'.repeat(70)}) { a }`,
    `mutation ${'{...'.repeat(30_000)}`,
  ])('that the grammar does not allow, or that is too deep, is unknown: %j', (document) => {
    expect(read(document)).toEqual(UNKNOWN);
  });

  it('may be nested as deep as clients nest them', () => {
    expect(read(`{ a${'{a'.repeat(60)}${'}'.repeat(61)}`)).toEqual(['own']);
  });
});

describe('a request', () => {
  it('may have variables, extensions and an operation name', () => {
    const parts = {
      query: 'mutation { a }',
      variables: { query: 'x' },
      operationName: null,
      extensions: { trace: 1 },
    };
    expect(post(JSON.stringify(parts))).toEqual(['own', 'a']);
    expect(post(JSON.stringify(parts), '?')).toEqual(['own', 'a']);
  });

  it.each<[string, string]>([
    ['a batch', '[{"query":"{a}"}]'],
    ['no query', '{"operationName":"A"}'],
    ['a query that is no string', '{"query":{"query":"{a}"}}'],
    ['a query in another spelling', '{"query":"{a}","Query":"mutation { evil }"}'],
    ['a query given twice', '{"query":"{a}","query":"mutation { evil }"}'],
    ['a stored document', '{"query":"{a}","documentId":"evil"}'],
    ['a persisted query', '{"extensions":{"persistedQuery":{"sha256Hash":"00"}}}'],
    [
      'a persisted query beside another',
      '{"query":"{a}","extensions":{"persistedQuery":{"sha256Hash":"00"}}}',
    ],
    ['no JSON', 'query=%7Ba%7D'],
    ['several documents', '{"query":"{a}"}{"query":"mutation { evil }"}'],
    ['nothing', ''],
    ['more than 64 KiB', JSON.stringify({ query: `{ a } #${' '.repeat(65_536)}` })],
  ])('with %s is unknown', (_, body) => {
    expect(post(body)).toEqual(UNKNOWN);
  });

  it('with a query string, with another content type, or that could not be read is unknown', () => {
    const body = '{"query":"{a}"}';
    expect(post(body, '?query=mutation%20%7B%20evil%20%7D')).toEqual(UNKNOWN);
    expect(post(body, '?id=evil')).toEqual(UNKNOWN);
    expect(operationNames('graphql', { body })).toEqual(UNKNOWN);
    for (const type of ['application/graphql', 'text/plain', 'application/json; charset=utf-16']) {
      expect(operationNames('graphql', { body, headers: { 'content-type': type } })).toEqual(UNKNOWN);
    }
    expect(operationNames('graphql', { body: undefined, headers: JSON_TYPE })).toEqual(UNKNOWN);
  });
});

describe('laws of a document', () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
  const noise = fc.constantFrom(' ', '\n', ',', '\t', '\ufeff', ' # } mutation { "\n', '\r\n');
  const text = fc.string().map((value) => JSON.stringify(value).replaceAll(/[\u007f-\uffff]/g, 'x'));
  const block = fc.string().map((value) => `"""${value.replaceAll(/["\\\p{Cc}]/gu, '}')}"""`);
  const value = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom('1', '-0.5e3', 'true', 'ENUM', '$v'),
      text,
      block,
      fc.array(tie('value'), { maxLength: 3 }).map((values) => `[${values.join(' ')}]`),
      fc
        .array(fc.tuple(name, tie('value')), { maxLength: 3 })
        .map((members) => `{${members.map(([key, member]) => `${key}:${member}`).join(',')}}`),
    ),
  })).value;
  const field = fc
    .record({
      name,
      alias: fc.option(name),
      value: fc.option(value),
      directive: fc.option(name),
      below: fc.option(name),
    })
    .map((parts) => ({
      name: parts.name,
      written:
        (parts.alias === null ? '' : `${parts.alias}:`) +
        parts.name +
        (parts.value === null ? '' : `(a: ${parts.value})`) +
        (parts.directive === null ? '' : `@${parts.directive}`) +
        (parts.below === null ? '' : `{${parts.below}}`),
    }));
  const fields = fc.array(field, { minLength: 1, maxLength: 5 });

  it('a mutation reads back exactly, whatever stands in its values and between its fields', () => {
    fc.assert(
      fc.property(fields, noise, name, (parts, between, operation) => {
        const inner = parts.map(({ written }) => written).join(` ${between}`);
        const document = `mutation ${operation}${between}{${inner}${between}}`;
        const named = parts.map((part) => part.name).filter((read) => read !== '__typename');
        expect(read(document)).toEqual(['own', ...named]);
      }),
      { numRuns: 500 },
    );
  });

  it('one that is cut is unknown, and nothing throws', () => {
    const pieces = fc.constantFrom(
      ...'{ } ( ) [ ] : ! $ = @ ... " """ \\ # \n a mutation query on fragment 1 -'.split(' '),
      ' ',
    );
    fc.assert(
      fc.property(fields, fc.nat(), fc.array(pieces, { maxLength: 40 }), (parts, at, random) => {
        const document = `mutation{${parts.map(({ written }) => written).join(' ')}}`;
        expect(read(document.slice(0, at % document.length))).toEqual(UNKNOWN);
        expect(read(random.join(''))).toBeInstanceOf(Array);
      }),
      { numRuns: 500 },
    );
  });
});
