import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { operationNames } from './bodies.ts';

function post(body: string | Uint8Array, query = ''): readonly string[] | string {
  return operationNames('json-rpc', { body, query, headers: { 'content-type': 'application/json' } });
}

describe('a JSON-RPC call', () => {
  it('is its method', () => {
    expect(post('{"jsonrpc":"2.0","id":1,"method":"eth_sendTransaction","params":[{"method":"x"}]}')).toEqual(
      ['eth_sendTransaction'],
    );
    expect(post('{"method":"a"}', '?key=1')).toEqual(['a']);
  });

  it('is each method of a batch', () => {
    expect(post('[{"method":"a"},{"method":"b"},{"method":"a"}]')).toEqual(['a', 'b', 'a']);
    expect(post(`[${Array(64).fill('{"method":"a"}').join(',')}]`)).toHaveLength(64);
    expect(post(`[${Array(1000).fill('{"method":"a"}').join(',')}]`)).toHaveLength(65);
  });

  it.each<[string, string, readonly string[]]>([
    ['an empty batch', '[]', ['unknown']],
    ['a batch in a batch', '[{"method":"a"},[{"method":"b"}]]', ['a', 'unknown']],
    ['a batch with something else', '[{"method":"a"},1,null]', ['a', 'unknown', 'unknown']],
    ['no method', '{"result":1}', ['unknown']],
    ['an empty method', '{"method":""}', ['unknown']],
    ['a method that is no string', '{"method":["a"]}', ['unknown']],
    ['a method given twice', '{"method":"a","method":"b"}', ['unknown']],
    ['a method in another spelling', '{"method":"a","Method":"b"}', ['unknown']],
    ['a method in another spelling only', '{"METHOD":"b"}', ['unknown']],
    ['a text', '"a"', ['unknown']],
    ['no JSON', 'method=a', ['unknown']],
    ['two calls', '{"method":"a"}{"method":"b"}', ['unknown']],
    ['nothing', '', ['unknown']],
  ])('is unknown with %s', (_, body, names) => {
    expect(post(body)).toEqual(names);
  });

  it('is unknown with a method in the query as well, or another content type', () => {
    const body = '{"method":"a"}';
    expect(post(body, '?method=b')).toEqual(['unknown']);
    expect(post(body, '?x=1;%6dethod=b')).toEqual(['unknown']);
    expect(post(body, '?%')).toEqual(['unknown']);
    expect(operationNames('json-rpc', { body, headers: { 'content-type': 'text/plain' } })).toEqual([
      'unknown',
    ]);
  });

  it('reads back exactly, whatever its method and parameters', () => {
    const call = fc.record({
      method: fc.string({ unit: 'grapheme', minLength: 1 }),
      params: fc.jsonValue({ maxDepth: 3 }),
    });
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 5 }), fc.uint8Array(), (calls, bytes) => {
        const names = calls.map(({ method }) => method);
        expect(post(JSON.stringify(calls))).toEqual(names);
        expect(post(JSON.stringify(calls[0]))).toEqual(names.slice(0, 1));
        expect(post(bytes)).toEqual(['unknown']);
      }),
    );
  });
});
