import { gunzipSync, gzipSync, constants } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { DecodeBody } from '../../../native-free-core/normalizer/call-body.ts';
import { loadMappings } from '../../../native-free-core/normalizer/mappings.ts';
import { Normalizer } from '../../../native-free-core/normalizer/normalizer.ts';
import { bytes, isRefusal, request, type RequestParts } from '../request.ts';
import { A, B, FLUSH, pushOf, ZERO } from './push.ts';

const TABLE = `
[[rules]]
method = "POST"
host = "bank.example"
path = "/soap"
action_class = "payment.read"
refine = "soap-action"
[rules.refine_map]
Transfer = "payment.transfer"
GetBalance = "payment.read"

[[rules]]
method = "POST"
host = "git.example"
path = "/*/*/git-receive-pack"
action_class = "code.write"
refine = "git-receive-pack"
[rules.refine_map]
create = "code.write"
update = "code.write"
delete = "code.destructive"

[[rules]]
method = "POST"
host = "git.example"
path = "/*/*/info/lfs/objects/batch"
action_class = "code.read"
refine = "git-lfs"
[rules.refine_map]
download = "code.read"
upload = "code.write"

[[rules]]
method = "POST"
host = "git.example"
path = "/graphql"
action_class = "code.read"
refine = "graphql"
[rules.refine_map]
graphql.createPullRequest = "code.write"
graphql.deleteRef = "code.destructive"
graphql.updateBranchProtectionRule = "repo.admin"

[[rules]]
method = "POST"
host = "wallet.example"
path = "/rpc"
action_class = "payment.read"
refine = "json-rpc"
[rules.refine_map]
balance = "payment.read"
send = "payment.transfer"
refund = "payment.refund"
`;

const decode: DecodeBody = (coding, encoded, part) => {
  try {
    expect(coding).toBe('gzip');
    const finishFlush = part === 'head' ? constants.Z_SYNC_FLUSH : constants.Z_FINISH;
    return gunzipSync(encoded, { finishFlush });
  } catch {
    return undefined;
  }
};

const normalizer = new Normalizer(loadMappings([{ file: 'table.toml', text: TABLE }]), decode);

/** Class and facts of each reading, or why there is none. */
function readings(
  url: string,
  body: string | Uint8Array,
  headers: RequestParts['headers'] = {},
): readonly string[] | string {
  const sent = typeof body === 'string' ? bytes(body) : body;
  const matched = normalizer.match(request('POST', url, { headers, bodyLength: sent.length }));
  if (isRefusal(matched)) return matched.refused;
  const envelope = normalizer.envelope(matched, sent);
  if (isRefusal(envelope)) return envelope.refused;
  return envelope.readings.map(({ actionClass, params }) =>
    [actionClass.name, ...Object.values(params)].join(' '),
  );
}

describe('a SOAP call to a bank', () => {
  const url = 'https://bank.example/soap';
  const call = (name: string): string =>
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><b:${name} xmlns:b="urn:bank"/></s:Body></s:Envelope>`;

  it('is what it asks for', () => {
    const headers = { 'content-type': 'text/xml', soapaction: '"urn:bank/Transfer"' };
    expect(readings(url, call('Transfer'), headers)).toEqual(['payment.transfer']);
    expect(readings(url, call('GetBalance'), { 'content-type': 'text/xml' })).toEqual(['payment.read']);
  });

  it('that says one thing and asks for another is both', () => {
    const headers = { 'content-type': 'text/xml', soapaction: 'urn:bank/GetBalance' };
    expect(readings(url, call('Transfer'), headers)).toEqual(['payment.transfer', 'payment.read']);
    const other = { 'content-type': 'application/soap+xml; action="urn:bank/Transfer"' };
    expect(readings(url, call('GetBalance'), other)).toEqual(['payment.transfer', 'payment.read']);
  });

  it('that cannot be told is the strictest class', () => {
    expect(readings(url, call('TransferRequest'), { 'content-type': 'text/xml' })).toEqual([
      'payment.transfer',
    ]);
    expect(readings(url, '', { soapaction: 'GetBalance' })).toEqual(['payment.transfer', 'payment.read']);
  });
});

describe('a push', () => {
  const url = 'https://git.example/o/r.git/git-receive-pack';
  const headers = { 'content-type': 'application/x-git-receive-pack-request' };
  const push = pushOf(`${A} ${B} refs/heads/main`, `${A} ${ZERO} refs/heads/gone`);
  const both = ['code.write update refs/heads/main', 'code.destructive delete refs/heads/gone'];

  it('of two refs of which one is deleted is both', () => {
    const read = readings(url, `${push}PACK`, headers);
    expect(read).toHaveLength(2);
    expect(read).toEqual(expect.arrayContaining(both));
  });

  it('that is gzip-encoded is the same', () => {
    const encoded = gzipSync(bytes(push));
    const packed = { ...headers, 'content-encoding': 'gzip' };
    const read = readings(url, encoded, packed);
    expect(read).toHaveLength(2);
    expect(read).toEqual(expect.arrayContaining(both));
    expect(readings(url, bytes(push), packed)).toBe('MALFORMED_REQUEST');
    const matched = normalizer.match(request('POST', url, { headers: packed, bodyLength: undefined }));
    if (isRefusal(matched)) throw new Error(matched.detail);
    expect(normalizer.headEnds(matched, encoded)).toBe(true);
    expect(normalizer.headEnds(matched, encoded.subarray(0, 5))).toBe(false);
    expect(normalizer.headEnds(matched, encoded.subarray(0, encoded.length >> 1))).toBe(false);
    expect(normalizer.headEnds(matched, bytes(push))).toBe(true);
  });

  it('of nothing is its rule, and one that is none is refused', () => {
    expect(readings(url, FLUSH, headers)).toEqual(['code.write']);
    expect(readings(url, '', headers)).toEqual(['code.write']);
    expect(readings(url, push.slice(0, -1), headers)).toBe('MALFORMED_REQUEST');
    expect(readings(url, 'hello', headers)).toBe('MALFORMED_REQUEST');
  });
});

describe('a request for large files', () => {
  const url = 'https://git.example/o/r.git/info/lfs/objects/batch';
  const headers = { 'content-type': 'application/vnd.git-lfs+json' };

  it('is a download, or else a change', () => {
    expect(readings(url, '{"operation":"download","objects":[]}', headers)).toEqual(['code.read']);
    expect(readings(url, '{"operation":"upload","objects":[]}', headers)).toEqual(['code.write']);
    expect(readings(url, '{"operation":"verify"}', headers)).toEqual(['code.write']);
  });
});

describe('a GraphQL request', () => {
  const read = (query: string): readonly string[] | string =>
    readings('https://git.example/graphql', JSON.stringify({ query }), {
      'content-type': 'application/json',
    });

  it('is the classes of its root fields, and always a query', () => {
    expect(read('mutation($i: I!) { createPullRequest(input: $i) { id } }')).toEqual([
      'code.write',
      'code.read',
    ]);
    expect(read('mutation { createPullRequest { id } x: deleteRef { id } }')).toEqual([
      'code.write',
      'code.destructive',
      'code.read',
    ]);
    expect(read('{ viewer { login } }')).toEqual(['code.read']);
    expect(read('mutation { __typename }')).toEqual(['code.read']);
  });

  it('that cannot be told is the strictest class, and one with more than 63 fields is refused', () => {
    expect(read('mutation { transferRepository { id } }')).toEqual(['repo.admin', 'code.read']);
    expect(read('mutation { createPullRequest')).toEqual(['repo.admin', 'code.read']);
    expect(read(`mutation { ${'deleteRef '.repeat(63)}}`)).toHaveLength(64);
    expect(read(`mutation { ${'deleteRef '.repeat(64)}}`)).toBe('MALFORMED_REQUEST');
  });
});

describe('a JSON-RPC batch', () => {
  it('is every call of it', () => {
    const batch = '[{"method":"balance"},{"method":"refund"},{"method":"drain"}]';
    const headers = { 'content-type': 'application/json' };
    expect(readings('https://wallet.example/rpc', batch, headers)).toEqual([
      'payment.transfer',
      'payment.refund',
      'payment.read',
    ]);
  });
});
