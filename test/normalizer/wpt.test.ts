import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canonicalPath } from '../../native-free-core/normalizer/path.ts';
import { canonicalTarget } from '../../native-free-core/normalizer/target.ts';
import { describeShared, sharedPath } from '../shared-data.ts';

const VECTORS = 'vectors/wpt-urltestdata.json';

interface Vector {
  readonly input: string;
  readonly href?: string;
  readonly failure?: boolean;
  readonly protocol?: string;
  readonly hostname?: string;
  readonly port?: string;
  readonly pathname?: string;
}

function isHttp(vector: Vector): boolean {
  return /^https?:\/\//i.test(vector.input);
}

/** What a client that does not parse URLs would send: the text between the marks. */
function canonicalise(input: string) {
  const [, scheme = '', hostPort = '', target = ''] = /^(https?):\/\/([^/?#]*)(.*)$/is.exec(input) ?? [];
  return canonicalTarget(scheme.toLowerCase() === 'http' ? 'http' : 'https', hostPort, target);
}

/** False where the URL is refused. */
function isAnsweredAsTheStandard(vector: Vector, url: string): boolean {
  const target = canonicalise(url);
  if ('malformed' in target) return false;
  const standardPort = target.scheme === 'https' ? 443 : 80;
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  expect({ url, host, port: target.port, path: target.path }).toEqual({
    url,
    // The standard keeps a trailing dot of a name; here it is dropped.
    host: vector.hostname?.replace(/\.$/, ''),
    port: vector.port === '' ? standardPort : Number(vector.port),
    path: canonicalPath(vector.pathname ?? ''),
  });
  return true;
}

describeShared('the URL test data of web-platform-tests', VECTORS, () => {
  const entries: readonly unknown[] = JSON.parse(readFileSync(sharedPath(VECTORS), 'utf8'));
  const vectors = entries.filter((entry): entry is Vector => typeof entry === 'object').filter(isHttp);
  const valid = vectors.filter((vector) => vector.failure !== true);

  it('has vectors of both kinds', () => {
    expect(valid.length).toBeGreaterThan(150);
    expect(vectors.length - valid.length).toBeGreaterThan(150);
  });

  it('refuses every URL that the standard refuses', () => {
    const accepted = vectors.filter(
      (vector) => vector.failure === true && !('malformed' in canonicalise(vector.input)),
    );
    expect(accepted.map((vector) => vector.input)).toEqual([]);
  });

  it('gives every other URL the host, port and path of the standard, or refuses it', () => {
    const answered = valid.filter((vector) => isAnsweredAsTheStandard(vector, vector.input));
    expect(answered.length).toBeGreaterThan(50);
  });

  it('gives the serialisation of the standard the same host, port and path, or refuses it', () => {
    const answered = valid.filter((vector) =>
      isAnsweredAsTheStandard(vector, vector.href?.split('#')[0] ?? ''),
    );
    expect(answered.length).toBeGreaterThan(110);
  });
});

describe('the URL standard beside the canonical form', () => {
  it('agrees on the host of every spelling of an address that is not refused', () => {
    const spellings = ['127.0.0.1', '127.0.0.1.', '0x7f.1', '2130706433', '0177.0.0.1', '127.1', '[::1]'];
    const answers = spellings.map((spelling) => canonicalTarget('http', spelling, '/'));
    expect(answers.map((answer) => ('malformed' in answer ? 'refused' : answer.host))).toEqual([
      '127.0.0.1',
      '127.0.0.1',
      'refused',
      'refused',
      'refused',
      'refused',
      '::1',
    ]);
  });
});
