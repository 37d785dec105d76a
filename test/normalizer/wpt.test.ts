import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { canonicalTarget } from '../../native-free-core/normalizer/target.ts';
import { describeShared, sharedPath } from '../shared-data.ts';

const VECTORS = 'vectors/wpt-urltestdata.json';

interface Vector {
  readonly input: string;
  readonly href?: string;
  readonly failure?: boolean;
  readonly hostname?: string;
  readonly port?: string;
  readonly pathname?: string;
  readonly search?: string;
}

interface Parts {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

const HTTP = /^(https?):\/\/([^/?#]*)([^#]*)(.*)$/is;

/** The text between the marks of a URL, as a client sends it that does not parse URLs. */
function canonicalise(url: string): Parts | undefined {
  const [, scheme = '', hostPort = '', target = ''] = HTTP.exec(url) ?? [];
  const found = canonicalTarget(scheme.toLowerCase() === 'http' ? 'http' : 'https', hostPort, target);
  return 'malformed' in found ? undefined : { host: found.host, port: found.port, path: found.path };
}

/** What the standard says of a URL, in the form of semantics §2. */
function expected({ href = '', hostname = '', port = '', pathname = '' }: Vector): Parts {
  return {
    host: hostname.replace(/\.$/, '').replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (href.startsWith('https:') ? 443 : 80) : Number(port),
    path: canonicalOf(pathname),
  };
}

/** The path that §2 makes of a path, word by word. */
function canonicalOf(path: string): string {
  const decoded = path.replace(/%[0-9a-f]{2}/gi, (escape) => {
    const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(char) ? char : escape.toUpperCase();
  });
  let merged = decoded.replace(/\/+/g, '/');
  for (let before = ''; before !== merged;) {
    before = merged;
    merged = merged.replace(/\/\.(?=\/|$)/, '/').replace(/\/(?!\.\.\/)[^/]+\/\.\.(?=\/|$)/, '/');
    merged = merged.replace(/\/+/g, '/');
  }
  return merged;
}

describeShared('the URL test data of web-platform-tests', VECTORS, () => {
  const entries: readonly unknown[] = JSON.parse(readFileSync(sharedPath(VECTORS), 'utf8'));
  const vectors = entries.filter((entry): entry is Vector => typeof entry === 'object' && entry !== null);
  const written = vectors.filter(({ input }) => HTTP.test(input));
  const invalid = written.filter(({ failure }) => failure === true);
  const valid = written.filter(({ failure }) => failure !== true);
  const hrefs = vectors.filter(({ href }) => href !== undefined && HTTP.test(href));

  it('has vectors of each kind', () => {
    expect(valid.length).toBeGreaterThan(160);
    expect(invalid.length).toBeGreaterThan(180);
    expect(hrefs.length).toBeGreaterThan(240);
  });

  it('holds no URL that is accepted here and refused by the standard', () => {
    const accepted = invalid.filter(({ input }) => canonicalise(input) !== undefined);
    expect(accepted.map(({ input }) => input)).toEqual([]);
  });

  it('holds no URL that gets another host, port or path than by the standard', () => {
    const answered = valid.flatMap((vector) => {
      const found = canonicalise(vector.input);
      return found === undefined ? [] : [{ url: vector.input, found, wanted: expected(vector) }];
    });
    expect(answered.filter(({ found, wanted }) => !isSame(found, wanted))).toEqual([]);
    expect(answered.length).toBeGreaterThan(60);
    expect(valid.length - answered.length).toBeGreaterThan(40);
  });

  it('holds no serialised URL that gets another host, port or path than by the standard', () => {
    const answered = hrefs.flatMap((vector) => {
      const found = canonicalise(vector.href ?? '');
      return found === undefined ? [] : [{ url: vector.href, found, wanted: expected(vector) }];
    });
    expect(answered.filter(({ found, wanted }) => !isSame(found, wanted))).toEqual([]);
    expect(answered.length).toBeGreaterThan(185);
  });

  it('is refused with its fragment, wherever it has one', () => {
    const withFragment = [...valid.map(({ input }) => input), ...hrefs.map(({ href = '' }) => href)].filter(
      (url) => url.includes('#'),
    );
    expect(withFragment.length).toBeGreaterThan(10);
    for (const url of withFragment) {
      const [, , hostPort = '', target = '', fragment = ''] = HTTP.exec(url) ?? [];
      expect(canonicalTarget('https', hostPort, target + fragment)).toHaveProperty('malformed');
    }
  });
});

function isSame(found: Parts, wanted: Parts): boolean {
  return found.host === wanted.host && found.port === wanted.port && found.path === wanted.path;
}
