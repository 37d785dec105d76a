import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { MappingInvalid } from '../../native-free-core/errors.ts';
import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';
import { Normalizer } from '../../native-free-core/normalizer/normalizer.ts';
import type { MappingSource, Rule } from '../../native-free-core/normalizer/rules.ts';
import { canonicalTarget, defaultPort, writtenHost } from '../../native-free-core/normalizer/target.ts';
import { isRefusal, request } from './request.ts';

const folder = new URL('../../mappings/', import.meta.url);

let sources: readonly MappingSource[] = [];
let rules: readonly Rule[] = [];
let shipped: Normalizer;

beforeAll(() => {
  sources = readdirSync(folder)
    .filter((name) => name.endsWith('.toml'))
    .map((name) => ({ file: name, text: readFileSync(new URL(name, folder), 'utf8') }));
  const mappings = loadMappings(sources);
  rules = mappings.rules.map(({ rule }) => rule);
  shipped = new Normalizer(mappings);
});

/** A request before it is written as text. */
interface Call {
  readonly method: string;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly segments: readonly string[];
  readonly query: string;
}

/** What to make of some rule: which one, by what to fill its wildcards, and what to change then. */
interface Seed {
  readonly at: number;
  readonly method: number;
  readonly names: readonly string[];
  readonly more: readonly string[];
  readonly query: string;
}

const PLAIN = 'octo Hello a.b 42 v1.0-rc_3~x a%20b caf%C3%A9 pulls keys merge x:y secrets'.split(' ');
const AMBIGUOUS = 'a%2Fb x;v=1 x%3Ay me%40h ..;z ..%2Fx %2F a%3Bb;c'.split(' ');

function seeds(names: readonly string[], queries: readonly string[]): fc.Arbitrary<Seed> {
  const name = fc.constantFrom(...names);
  return fc.record({
    at: fc.nat(),
    method: fc.nat({ max: 11 }),
    names: fc.array(name, { minLength: 6, maxLength: 6 }),
    more: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.array(name, { maxLength: 2 })),
    query: fc.constantFrom(...queries),
  });
}

const plainSeed = seeds(PLAIN, ['', '?page=2']);
const anySeed = seeds([...PLAIN, ...AMBIGUOUS], ['', '?page=2', '?_method=DELETE', '?x=%2e%2e/&y']);

/** A request that the rule matches, or nearly. */
function callFor(seed: Seed, from = rules): Call {
  const rule = from[seed.at % from.length];
  if (rule === undefined) throw new Error('there is no rule');
  let next = 0;
  const name = (): string => seed.names[next++ % seed.names.length] ?? '';
  const written = rule.path.any ? ['**'] : rule.path.segments.length === 0 ? [] : split(rule.path.text);
  const segments = written.flatMap((segment) =>
    segment === '**' ? [name(), name()] : [segment.replaceAll('*', name)],
  );
  const { kind } = rule.host;
  const methods = [...rule.methods, ...rule.methods, ...rule.methods, 'GET', 'HEAD', 'POST', 'DELETE'];
  return {
    method: methods[seed.method % methods.length] ?? 'GET',
    scheme: rule.scheme,
    host: kind === 'any' ? 'any.example' : (kind === 'below' ? 'x.' : '') + writtenHost(rule.host.name),
    port: rule.port,
    segments: [...segments, ...seed.more],
    query: seed.query,
  };
}

function split(path: string): readonly string[] {
  return path.slice(1).split('/');
}

function urlOf({ scheme, host, port, segments, query }: Call): string {
  const mark = port === (scheme === 'https' ? 443 : 80) ? '' : `:${port}`;
  return `${scheme}://${host}${mark}/${segments.join('/')}${query}`;
}

/** Every reading with its class, resource and facts, or the reason of the refusal. */
function answer(normalizer: Normalizer, method: string, url: string): readonly string[] {
  const matched = normalizer.match(request(method, url));
  if (isRefusal(matched)) return [matched.refused];
  return [matched.first, ...matched.others].map(({ mapped, resource }) => {
    const { actionClass, params } = mapped.rule;
    return [actionClass.name, resource.method, resource.uid, ...params.map((spec) => spec.text)].join(' ');
  });
}

function isClassified([first = '']: readonly string[]): boolean {
  return first.includes('.');
}

/** One way to write the same request otherwise; the digits choose how. */
type Noise = (call: Call, digits: readonly number[]) => Call;

const NOISE: Readonly<Record<string, Noise>> = {
  'an escaped unreserved character': (call, digits) =>
    eachSegment(call, (segment, index) => escapeOne(segment, digits[index % digits.length] ?? 0)),
  'every unreserved character escaped': (call) =>
    eachSegment(call, (segment) => {
      const parts = segment.split(/(%[0-9A-F]{2}|[A-Za-z0-9._~-])/);
      return parts.map((part) => (/^[A-Za-z0-9._~-]$/.test(part) ? escape(part) : part)).join('');
    }),
  'escapes in lower case': (call) =>
    eachSegment(call, (segment) => segment.replace(/%../g, (text) => text.toLowerCase())),
  'a host in another case': (call, digits) => ({
    ...call,
    host: [...call.host]
      .map((char, index) => ((digits[index % digits.length] ?? 0) % 2 === 0 ? char.toUpperCase() : char))
      .join(''),
  }),
  'a trailing dot of the host': (call) => ({
    ...call,
    host: call.host.endsWith(']') ? call.host : `${call.host}.`,
  }),
  'the port written out': (call) => ({ ...call, host: `${call.host}:${call.port}` }),
  'dot segments': (call, digits) =>
    between(
      call,
      digits,
      (digit) => [['.'], ['x', '..'], ['%2e'], ['y', '.%2E'], ['x', '.', '..']][digit % 5],
    ),
  'doubled slashes': (call, digits) => between(call, digits, (digit) => (digit % 2 === 0 ? [''] : ['', ''])),
  'a trailing slash': (call) => ({ ...call, segments: [...call.segments, ''] }),
};

function eachSegment(call: Call, change: (segment: string, index: number) => string): Call {
  return { ...call, segments: call.segments.map(change) };
}

/** Inserts segments before some of the others. */
function between(
  call: Call,
  digits: readonly number[],
  insert: (digit: number) => readonly string[] | undefined,
): Call {
  const segments = call.segments.flatMap((segment, index) => {
    const digit = digits[index % digits.length] ?? 0;
    return digit % 3 === 0 ? [...(insert(digit) ?? []), segment] : [segment];
  });
  return { ...call, segments };
}

function escapeOne(segment: string, digit: number): string {
  const places = [...segment.matchAll(/%..|[A-Za-z0-9._~-]/g)].filter(([text]) => text.length === 1);
  const place = places[digit % Math.max(places.length, 1)];
  if (place === undefined) return segment;
  return segment.slice(0, place.index) + escape(place[0]) + segment.slice(place.index + 1);
}

function escape(char: string): string {
  return `%${char.charCodeAt(0).toString(16)}`;
}

const digits = fc.array(fc.nat({ max: 59 }), { minLength: 7, maxLength: 7 });
const noise = fc.tuple(fc.constantFrom(...Object.values(NOISE)), digits);

describe('canonicalisation', () => {
  it('is idempotent, and the canonical form of a request has the readings of the original', () => {
    let classified = 0;
    fc.assert(
      fc.property(anySeed, fc.array(noise, { maxLength: 3 }), (seed, noises) => {
        const call = noises.reduce((changed, [change, by]) => change(changed, by), callFor(seed));
        const url = urlOf(call);
        const raw = request(call.method, url);
        const once = canonicalTarget(raw.scheme, raw.hostPort, raw.target);
        if ('malformed' in once) return;
        const hostPort =
          writtenHost(once.host) + (once.port === defaultPort(once.scheme) ? '' : `:${once.port}`);
        expect(canonicalTarget(once.scheme, hostPort, once.path + once.query)).toEqual(once);
        const original = answer(shipped, call.method, url);
        if (isClassified(original)) classified++;
        const canonical = `${once.scheme}://${hostPort}${once.path}${once.query}`;
        expect(answer(shipped, call.method, canonical)).toEqual(original);
      }),
      { numRuns: 1000 },
    );
    expect(classified).toBeGreaterThan(200);
  });

  it.each(Object.entries(NOISE))(
    'answers a request with %s as the one without, or refuses it',
    (_, change) => {
      let same = 0;
      fc.assert(
        fc.property(anySeed, digits, (seed, by) => {
          const call = callFor(seed);
          const plain = answer(shipped, call.method, urlOf(call));
          const changed = answer(shipped, call.method, urlOf(change(call, by)));
          if (changed[0] === 'MALFORMED_REQUEST') return;
          expect(changed).toEqual(plain);
          if (isClassified(plain)) same++;
        }),
        { numRuns: 300 },
      );
      expect(same).toBeGreaterThan(60);
    },
  );
});

/** A rule to add, as a request that it could match: some of the segments are wildcards. */
interface Added {
  readonly host: string;
  readonly path: string;
  readonly method: string | undefined;
}

function addedRule(seed: Seed): Added | undefined {
  const { scheme, port, host, segments } = callFor(seed);
  if (scheme !== 'https' || port !== 443 || segments.length === 0) return undefined;
  const path = segments.map((segment, index) => ((seed.method >> (index % 4)) % 2 === 0 ? segment : '*'));
  if (seed.more.length > 0) path[path.length - 1] = '**';
  const method = [undefined, 'POST', 'GET', 'DELETE'][seed.method % 4];
  return { host, path: `/${path.join('/')}`, method };
}

/** The plainest reading of §2: a request matches a rule where host, path and method do. */
function isMatch(added: Added, { scheme, port, host, method, segments }: Call): boolean {
  const wanted = added.path.slice(1).split('/');
  const isRest = wanted.at(-1) === '**';
  if (scheme !== 'https' || port !== 443 || host !== added.host) return false;
  if (added.method !== undefined && added.method !== (method === 'HEAD' ? 'GET' : method)) return false;
  if (isRest ? segments.length < wanted.length : segments.length !== wanted.length) return false;
  return wanted.every((name, index) => name.startsWith('*') || name === segments[index]);
}

describe('the tables', () => {
  it('answer a request as before where a rule is added that does not match it', () => {
    let matched = 0;
    let unmatched = 0;
    fc.assert(
      fc.property(plainSeed, fc.array(plainSeed, { minLength: 120, maxLength: 120 }), (from, list) => {
        const added = addedRule(from);
        fc.pre(added !== undefined);
        const grown = withRule(added);
        fc.pre(grown !== undefined);
        const near = rules.filter(({ host }) => host.kind === 'exact' && host.name === added.host);
        const calls = [
          { ...callFor(from), method: added.method ?? 'GET' },
          ...list.map((seed) => callFor(seed, near.length > 0 ? near : rules)),
        ];
        const others = calls.filter((call) => !isMatch(added, call));
        const before = others.map((call) => answer(shipped, call.method, urlOf(call)));
        expect(others.map((call) => answer(grown, call.method, urlOf(call)))).toEqual(before);
        unmatched += before.filter(isClassified).length;
        const own = calls.filter((call) => isMatch(added, call));
        expect(own.filter((call) => !isClassified(answer(grown, call.method, urlOf(call))))).toEqual([]);
        matched += own.length;
      }),
      // Every try loads all tables: a failure is shown as it was found.
      { numRuns: 8, maxSkipsPerRun: 20, endOnFailure: true },
    );
    expect(matched).toBeGreaterThan(0);
    expect(unmatched).toBeGreaterThan(200);
  });

  it('answer every request as they do with their rules and themselves in another order', () => {
    let classified = 0;
    const canonical = JSON.stringify(loadMappings(sources).canonical);
    fc.assert(
      fc.property(fc.nat(), fc.array(plainSeed, { minLength: 200, maxLength: 200 }), (random, list) => {
        const mappings = loadMappings(
          shuffled(
            sources.map((source) => reordered(source, random)),
            random,
          ),
        );
        expect(JSON.stringify(mappings.canonical)).toBe(canonical);
        const other = new Normalizer(mappings);
        for (const seed of list) {
          const call = callFor(seed);
          const expected = answer(shipped, call.method, urlOf(call));
          if (isClassified(expected)) classified++;
          expect(answer(other, call.method, urlOf(call))).toEqual(expected);
        }
      }),
      { numRuns: 5, endOnFailure: true },
    );
    expect(classified).toBeGreaterThan(400);
  });
});

/** Undefined where the rule conflicts with another. */
function withRule({ host, path, method }: Added): Normalizer | undefined {
  const text = [
    '[[rules]]',
    `host = "${host}"`,
    `path = "${path}"`,
    ...(method === undefined ? [] : [`method = "${method}"`]),
    'action_class = "system.execute"',
  ].join('\n');
  try {
    return new Normalizer(loadMappings([...sources, { file: 'added.toml', text }]));
  } catch (error) {
    if (error instanceof MappingInvalid) return undefined;
    throw error;
  }
}

function reordered({ file, text }: MappingSource, random: number): MappingSource {
  const [head = '', ...tables] = text.split(/^(?=\[\[(?:rules|groups)\]\])/m);
  return { file, text: `${head}${shuffled(tables, random).join('\n')}` };
}

/** A permutation that the number chooses. */
function shuffled<T>(list: readonly T[], random: number): readonly T[] {
  let state = random;
  const ranked = list.map((item) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return { item, rank: state };
  });
  return ranked.sort((left, right) => left.rank - right.rank).map(({ item }) => item);
}
