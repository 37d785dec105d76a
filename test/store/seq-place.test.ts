import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalize } from '@firma/core';
import { SeqPlace } from '../../src/store/seq-place.ts';
import { decisionRecord, outcomeRecord } from '../audit/sample-record.ts';

const place = new SeqPlace();

/** The line with its number, as the writer puts it in; undefined where it has to be read in full. */
function numbered(line: string, seq: number): string | undefined {
  const at = place.find(Buffer.from(line));
  if (at < 0) return undefined;
  const bytes = Buffer.from(line);
  const member = bytes[at] === 0x7d ? `,"seq":${seq}` : `"seq":${seq},`;
  return bytes.toString('utf8', 0, at) + member + bytes.toString('utf8', at);
}

const slowly = (line: string, seq: number): string => {
  const record: object = JSON.parse(line);
  return canonicalize({ ...record, seq });
};

const json = fc.object({
  key: fc.constantFrom('a', 'se', 'sep', 'seq0', 'sequ', 'v', '', 'b b', '!', 'é', '"', 'seq', '__proto__'),
  values: [
    fc.integer(),
    fc.constantFrom('', 'text', 'ü', 'a"b', '\\', '\u007f', '\n', true, false, null, -0, 0.5, 1e21, 2 ** 53),
    fc.string({ maxLength: 5 }),
  ],
  maxDepth: 3,
});

describe('SeqPlace', () => {
  it('numbers the records of a sidecar without reading them', () => {
    for (const record of [decisionRecord(7), outcomeRecord(7), { a: 1 }, { z: 1 }]) {
      const line = canonicalize(record);
      expect(numbered(line, 12_345)).toBe(canonicalize({ ...record, seq: 12_345 }));
    }
  });

  it('gives the bytes that reading in full gives, or leaves it to that', () => {
    fc.assert(
      fc.property(json, fc.nat(), (record, seq) => {
        const line = canonicalize(record);
        const inFull = slowly(line, seq);
        expect(numbered(line, seq) ?? inFull).toBe(inFull);
      }),
      { numRuns: 500 },
    );
  });

  it('takes no line for canonical that is not, however it was changed', () => {
    const line = canonicalize({
      ...decisionRecord(3),
      budgets: [{ charged: -1, name: 'calls', remaining: 0 }],
    });
    const bytes = fc.constantFrom(...'{}[]",:-0123 \\tfnaseqz\n\u007f');
    fc.assert(
      fc.property(fc.nat(line.length), fc.nat(3), fc.array(bytes, { maxLength: 3 }), (at, cut, put) => {
        const changed = line.slice(0, at) + put.join('') + line.slice(at + cut);
        const quick = numbered(changed, 5) ?? '{"seq":5}';
        const written: unknown = JSON.parse(quick);
        expect(canonicalize(written)).toBe(quick);
        expect(written).toMatchObject({ seq: 5 });
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    '',
    '{}',
    '[]',
    'null',
    '{"a":1',
    '{"a":1}x',
    '{"a":1}{"b":1}',
    '{"a":1,}',
    '{"a":01}',
    '{"a":-0}',
    '{"a":-}',
    '{"a":1.0}',
    '{"a":1234567890123456}',
    '{"a":tru}',
    '{"a" :1}',
    '{"b":1,"a":1}',
    '{"a":1,"a":1}',
    '{"a":{"c":1,"b":1}}',
    '{"seq":1}',
    '{"a":1,"seq":1,"t":1}',
    '{"a":"\\u0041"}',
    `{"a":${'['.repeat(20)}${']'.repeat(20)}}`,
  ])('leaves %s to be read in full', (line) => {
    expect(numbered(line, 0)).toBeUndefined();
  });
});
