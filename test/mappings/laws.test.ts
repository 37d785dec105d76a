import { describe, expect, it } from 'vitest';
import { findActionClass } from '../../native-free-core/registry/classes.ts';
import { isRefusal, request } from '../normalizer/request.ts';
import { describeShared } from '../shared-data.ts';
import {
  classesOf,
  classOf,
  mappings,
  normalizer,
  operationsOf,
  parametersOf,
  SURFACES,
  surfacePath,
  urlOf,
  type Operation,
} from './tables.ts';

describe('the rules of the shipped tables', () => {
  const rules = mappings.rules.map(({ rule }) => rule);

  function offending(methods: readonly string[], effect: string): readonly string[] {
    return rules
      .filter((rule) => rule.methods.length === 0 || methods.some((method) => rule.methods.includes(method)))
      .filter((rule) => classesOf(rule).some((info) => info.effect === effect))
      .map((rule) => rule.where);
  }

  it('let no GET or HEAD have a class of effect `change`', () => {
    expect(offending(['GET', 'HEAD'], 'change')).toEqual([]);
  });

  it('let no DELETE have a class of effect `read`', () => {
    expect(offending(['DELETE'], 'read')).toEqual([]);
  });

  it.each([
    ['an encoded slash between owner and repository', 'GET', 'https://api.github.com/repos/octocat%2Fhello'],
    [
      'an overriding method that has no rule',
      'POST',
      'https://api.github.com/repos/o/r/forks?_method=DELETE',
    ],
    ['another port', 'GET', 'https://api.github.com:8443/repos/o/r'],
    ['plain HTTP', 'GET', 'http://api.github.com/repos/o/r'],
    ['a host that only ends alike', 'GET', 'https://xapi.github.com/repos/o/r'],
    ['a host below', 'GET', 'https://evil.api.github.com/repos/o/r'],
    ['the domain above', 'POST', 'https://anthropic.com/v1/messages'],
  ])('do not answer %s', (_, method, url) => {
    expect(classOf(method, url)).toBe('UNCLASSIFIED_ACTION');
  });
});

/** Names that GitHub compares without case. */
const CASELESS: ReadonlySet<string> = new Set(['owner', 'repo', 'org', 'username']);
/** A path segment that says what stands behind it is a secret, a key or a token. */
const SECRET_SEGMENT = /^(?!secret-scanning$)(.+[-_])?(secret|key|token|credential|keypair)s?([-_].+)?$/;

function plainUrl(operation: Operation): string {
  return urlOf(operation, (name) => name.toLowerCase());
}

/** The resource the call is about, as policies and scopes name it. */
function resourceOf(method: string, url: string): string {
  const matched = normalizer.match(request(method, url));
  return isRefusal(matched) ? matched.refused : matched.first.resource.uid;
}

/** Each operation whose class differs once its URL is written in another way. */
function changed(
  operations: readonly Operation[],
  variants: (operation: Operation) => readonly string[],
): readonly string[] {
  return operations.flatMap((operation) => {
    const { method } = operation;
    const expected = classOf(method, plainUrl(operation));
    return variants(operation).flatMap((url) => {
      const found = classOf(method, url);
      return found === expected ? [] : [`${method} ${url}: ${found}, not ${expected}`];
    });
  });
}

for (const surface of SURFACES) {
  describeShared(`the operations of ${surface}`, surfacePath(surface), () => {
    const operations = operationsOf(surface);
    const reads = operations.filter(({ method }) => method === 'GET');

    it('have the same class where a parameter holds an encoded slash, alone or with all others', () => {
      const wrong = changed(operations, (operation) => [
        urlOf(operation, () => 'a%2Fb'),
        ...parametersOf(operation.path).map((_, at) =>
          urlOf(operation, (name, index) => (index === at ? 'a%2Fb' : name.toLowerCase())),
        ),
      ]);
      expect(wrong).toEqual([]);
    });

    it('have the same class where a name is written in another case', () => {
      const wrong = changed(operations, (operation) => [
        urlOf(operation, (name) => name.toUpperCase()),
        urlOf(operation, (name) => name.charAt(0).toUpperCase() + name.slice(1).toLowerCase()),
      ]);
      expect(wrong).toEqual([]);
    });

    it('have the class of GET for HEAD', () => {
      const wrong = reads.filter((operation) => {
        const url = plainUrl(operation);
        return classOf('HEAD', url) !== classOf('GET', url);
      });
      expect(wrong).toEqual([]);
    });

    it('change nothing by GET, and do not only read by DELETE', () => {
      const wrong = operations.filter((operation) => {
        const effect = findActionClass(classOf(operation.method, plainUrl(operation)))?.effect;
        return (
          (operation.method === 'GET' && effect === 'change') ||
          (operation.method === 'DELETE' && effect === 'read')
        );
      });
      expect(wrong).toEqual([]);
    });

    it('that read secrets, keys or tokens are no plain reads', () => {
      const secret = reads.filter(({ path }) => path.split('/').some((part) => SECRET_SEGMENT.test(part)));
      expect(secret.length).toBeGreaterThan(1);
      const wrong = secret.flatMap((operation) => {
        const url = plainUrl(operation);
        const found = classOf('GET', url);
        return ['code.read', 'payment.read'].includes(found) ? [`GET ${url}: ${found}`] : [];
      });
      expect(wrong).toEqual([]);
    });
  });
}

describeShared('the names of GitHub', surfacePath('github'), () => {
  it('that have no case of their own name one resource however they are written', () => {
    const wrong = operationsOf('github').flatMap((operation) => {
      const url = urlOf(operation, (name) => (CASELESS.has(name) ? 'OctoCat' : '42'));
      const folded = url.replaceAll('OctoCat', 'octocat');
      const { method } = operation;
      return resourceOf(method, url) === resourceOf(method, folded) ? [] : [`${method} ${url}`];
    });
    expect(wrong).toEqual([]);
  });
});
