import { brotliCompressSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallBody, MAX_FACT_BODY, type DecodeBody } from '../../native-free-core/normalizer/call-body.ts';
import type { Params } from '../../native-free-core/normalizer/envelope.ts';
import { Unreadable } from '../../native-free-core/normalizer/form.ts';
import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';
import { Normalizer } from '../../native-free-core/normalizer/normalizer.ts';
import { decodeBody } from '../../src/decode-body.ts';
import { bytes, isRefusal, request } from './request.ts';

const FORM = 'application/x-www-form-urlencoded';
const MULTIPART = 'multipart/form-data; boundary=b';
const JSON_TYPE = 'application/json';

const TABLE = `
[[rules]]
host = "h.example"
path = "/form"
action_class = "payment.transfer"
params = { amount = "form:amount", currency = "form:currency" }

[[rules]]
host = "h.example"
path = "/json"
action_class = "payment.transfer"
params = { amount = "json:/amount", currency = "json:/currency" }

[[rules]]
host = "h.example"
path = "/query"
action_class = "payment.transfer"
params = { amount = "query:amount" }

[[rules]]
host = "h.example"
path = "/short"
action_class = "payment.transfer"
params = { amount = "form:q" }
`;

const normalizer = new Normalizer(loadMappings([{ file: 'table.toml', text: TABLE }]), decodeBody);

/** The facts of a call, or why it is refused. */
function facts(
  path: string,
  type: string,
  body: Uint8Array,
  coding?: string | readonly string[],
): Params | string {
  const headers = { 'content-type': type, ...(coding === undefined ? {} : { 'content-encoding': coding }) };
  const matched = normalizer.match(
    request('POST', `https://h.example${path}`, { headers, bodyLength: body.length }),
  );
  if (isRefusal(matched)) return matched.refused;
  const envelope = normalizer.envelope(matched, body);
  if (!isRefusal(envelope)) return envelope.readings[0].params;
  expect(envelope.refused).toBe('PARAMS_UNREADABLE');
  return envelope.detail;
}

const CODERS: Readonly<Record<string, (body: Uint8Array | string) => Uint8Array>> = {
  gzip: (body) => gzipSync(body),
  br: (body) => brotliCompressSync(body),
};

function encoded(coding: string, body: Uint8Array | string): Uint8Array {
  return CODERS[coding]?.(body) ?? (typeof body === 'string' ? bytes(body) : body);
}

/** A brotli stream of a text as it stands, behind a metadata block that decoders skip (RFC 7932 §9.2). */
function brotliWithMetadata(metadata: string, text: string): Uint8Array {
  const skipped = 0b0101100 | ((metadata.length - 1) << 7);
  const stored = ((text.length - 1) << 3) | (1 << 19);
  const block = text === '' ? [] : [stored & 255, (stored >> 8) & 255, (stored >> 16) & 255, ...bytes(text)];
  return Uint8Array.of(skipped & 255, skipped >> 8, ...bytes(metadata), ...block, 3);
}

function multipart(pairs: readonly (readonly [string, string])[]): string {
  const parts = pairs.map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return `${parts.join('')}--b--\r\n`;
}

type Pair = readonly [string, string];

/** One encoding of pairs, and where a table reads it. */
interface Encoding {
  readonly path: string;
  readonly type: string;
  readonly write: (pairs: readonly Pair[]) => string;
}

const ENCODINGS: readonly Encoding[] = [
  { path: '/form', type: FORM, write: (pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('&') },
  { path: '/form', type: MULTIPART, write: multipart },
  {
    path: '/json',
    type: JSON_TYPE,
    write: (pairs) =>
      `{${pairs.map(([name, value]) => `"${name}":${name === 'amount' ? value : `"${value}"`}`).join(',')}}`,
  },
];

describe('a fact', () => {
  const amount = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  const currency = fc.stringMatching(/^[a-z]{3}$/);
  const pads = fc.array(fc.tuple(fc.stringMatching(/^pad[a-z]{1,8}$/), fc.stringMatching(/^[a-z]{0,40}$/)), {
    maxLength: 4,
  });
  const encoding = fc.constantFrom(...ENCODINGS);
  const coding = fc.constantFrom('identity', 'gzip', 'br');

  it('is what was written, in every encoding and coding', () => {
    fc.assert(
      fc.property(
        amount,
        currency,
        fc.uniqueArray(pads, { maxLength: 1 }),
        encoding,
        coding,
        (minor, code, [pad = []], { path, type, write }, name) => {
          const others = [...new Map(pad)];
          const body = write([...others, ['amount', String(minor)], ['currency', code]]);
          expect(facts(path, type, encoded(name, body), name)).toEqual({ amount: minor, currency: code });
        },
      ),
    );
  });

  it('that is given twice is refused, in every encoding and coding', () => {
    fc.assert(
      fc.property(
        amount,
        amount,
        currency,
        encoding,
        coding,
        (one, two, code, { path, type, write }, name) => {
          const body = write([
            ['amount', String(one)],
            ['currency', code],
            ['amount', String(two)],
          ]);
          expect(facts(path, type, encoded(name, body), name)).toEqual(expect.any(String));
        },
      ),
    );
  });

  it('of any bytes never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), encoding, coding, (body, { path, type }, name) => {
        for (const sent of [body, encoded(name, body)]) expect(facts(path, type, sent, name)).toBeDefined();
      }),
    );
  });

  it('stands in a long body as well', () => {
    const body = `${'pad=some+text&'.repeat(900)}amount=7`;
    for (const name of ['gzip', 'br'])
      expect(facts('/form', FORM, encoded(name, body), name)).toEqual({ amount: 7 });
  });
});

describe('attacks with a content coding', () => {
  it('a second amount behind the end of a coded body', () => {
    for (const name of ['gzip', 'br']) {
      const body = [...encoded(name, 'amount=1')];
      expect(facts('/form', FORM, Uint8Array.from([...body, ...bytes('&amount=9')]), name)).toMatch(/coding/);
      expect(facts('/form', FORM, Uint8Array.from([...body, ...encoded(name, '&amount=9')]), name)).toMatch(
        /coding/,
      );
    }
  });

  it('an amount behind 64 KiB of padding that compresses well', () => {
    const padding = `pad=${'x'.repeat(MAX_FACT_BODY - 'pad=&amount=1'.length)}`;
    for (const name of ['gzip', 'br']) {
      expect(facts('/form', FORM, encoded(name, `${padding}&amount=1`), name)).toEqual({ amount: 1 });
      expect(facts('/form', FORM, encoded(name, `${padding}x&amount=1`), name)).toMatch(/coding/);
    }
  });

  it.each([
    ['amount=1', { amount: 1 }],
    ['x=1', {}],
    ['', {}],
  ])(
    'an amount in a metadata block, which a server that does not decode would read, beside %j',
    (text, read) => {
      expect(facts('/form', FORM, brotliWithMetadata('&harmless=1&', text), 'br')).toEqual(read);
      for (const metadata of [
        '&amount=999999&',
        '&%61mount=9&',
        '&AMOUNT[]=9&',
        '&\u0000amount=9;',
        ';amount=9&',
      ]) {
        expect(facts('/form', FORM, brotliWithMetadata(metadata, text), 'br')).toMatch(/coded body/);
      }
      expect(facts('/form', FORM, brotliWithMetadata('&_method=DELETE&', text), 'br')).toMatch(/_method/);
      expect(facts('/query?amount=1', FORM, brotliWithMetadata('&amount=9&', text), 'br')).toMatch(/as well/);
    },
  );

  it('an amount in the free bytes of a gzip header', () => {
    const body = gzipSync('q=1');
    expect(facts('/short', FORM, body, 'gzip')).toEqual({ amount: 1 });
    body.write('&q=99&', 4);
    expect(facts('/short', FORM, body, 'gzip')).toMatch(/coded body/);
  });

  it('a multipart form in a metadata block', () => {
    const hidden = multipart([['amount', '9']]);
    const visible = multipart([['amount', '1']]);
    expect(facts('/form', MULTIPART, brotliWithMetadata('harmless', 'x'), 'br')).toMatch(/valid form/);
    expect(facts('/form', MULTIPART, brotliWithMetadata(hidden, visible), 'br')).toMatch(
      /without being decoded/,
    );
  });

  it.each([
    ['deflate', 'deflate'],
    ['the old name of gzip', 'x-gzip'],
    ['a list', 'gzip, br'],
    ['two headers', ['identity', 'gzip']],
    ['the same twice', ['gzip', 'gzip']],
    ['nothing', ''],
    ['a parameter', 'gzip;q=1'],
  ])('a body coded by %s is refused', (_, coding) => {
    for (const body of [bytes('amount=1'), gzipSync('amount=1')]) {
      expect(facts('/form', FORM, body, coding)).toMatch(/content coding/);
    }
  });

  it('a body that is not coded as its header says', () => {
    expect(facts('/form', FORM, bytes('amount=1'), 'gzip')).toMatch(/content coding/);
    expect(facts('/form', FORM, gzipSync('amount=1'), 'br')).toMatch(/content coding/);
    expect(facts('/form', FORM, gzipSync('amount=1'))).toMatch(/valid form/);
    expect(facts('/json', JSON_TYPE, encoded('gzip', '\ufeff{"amount":1}'), 'gzip')).toMatch(/not JSON/);
  });

  it('a coding in capitals is the same coding', () => {
    expect(facts('/form', FORM, gzipSync('amount=1'), 'GZIP')).toEqual({ amount: 1 });
    expect(facts('/form', FORM, bytes('amount=1'), 'Identity')).toEqual({ amount: 1 });
  });
});

describe('the bytes of a call', () => {
  const twice: DecodeBody = (_, sent) => Uint8Array.of(...sent, ...sent);

  function body(
    sent: Uint8Array | undefined,
    coding: string,
    decode?: DecodeBody,
    bodyLength = sent?.length,
  ): CallBody {
    const raw = request('POST', 'https://h.example/', {
      headers: { 'content-encoding': coding },
      bodyLength,
    });
    return new CallBody(raw, sent, decode);
  }

  it('are decoded, once, and as a head or as a whole', () => {
    const parts: string[] = [];
    const call = body(bytes('xy'), 'gzip', (coding, sent, part) => {
      parts.push(`${coding} ${part}`);
      return twice(coding, sent, part);
    });
    expect([call.head(), call.head(), call.whole(), call.whole()]).toEqual(
      Array.from({ length: 4 }, () => bytes('xyxy')),
    );
    expect(parts).toEqual(['gzip head', 'gzip whole']);
  });

  it('are a head as long as the bound, and a whole only within it', () => {
    const long = new Uint8Array(MAX_FACT_BODY + 1);
    expect(body(long, 'identity').head()).toHaveLength(MAX_FACT_BODY);
    expect(body(long, 'identity').whole()).toBeInstanceOf(Unreadable);
    expect(body(long.subarray(1), 'identity').whole()).toHaveLength(MAX_FACT_BODY);
  });

  it('are a head, and no whole, where more was declared', () => {
    expect(body(bytes('xy'), 'gzip', twice, 3).head()).toEqual(bytes('xyxy'));
    expect(body(bytes('xy'), 'gzip', twice, 3).whole()).toBeInstanceOf(Unreadable);
  });

  it.each([
    ['no body', undefined, 'identity', twice],
    ['no decoder', bytes('xy'), 'gzip', undefined],
    ['another coding', bytes('xy'), 'zstd', twice],
    ['a decoder that gives up', bytes('xy'), 'gzip', () => undefined],
  ])('cannot be read with %s', (_, sent, coding, decode) => {
    const call = body(sent, coding, decode);
    for (const read of [call.head(), call.whole(), call.content()]) expect(read).toBeInstanceOf(Unreadable);
  });

  it.each(['{"amount":9}', ' \n[1]', '<x/>', '\ufeff{}'])(
    'coded ones that begin like %j are refused',
    (sent) => {
      expect(body(bytes(sent), 'br', twice).whole()).toBeInstanceOf(Unreadable);
    },
  );
});
