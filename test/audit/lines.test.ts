import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter, MAX_LINE_BYTES } from '../../native-free-core/audit/lines.ts';

describe('LineSplitter', () => {
  it('gives the same lines however the file is cut into pieces', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '\n'), maxLength: 200 });
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (file, cuts) => {
        const bytes = Buffer.from(file);
        const splitter = new LineSplitter();
        const lines: string[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = at + (cuts[i % cuts.length] ?? 1);
          for (const line of splitter.push(bytes.subarray(at, end))) lines.push(Buffer.from(line).toString());
          at = end;
        }
        const whole = file.split('\n');
        const rest = whole.pop() ?? '';
        expect(lines).toEqual(whole);
        expect(splitter.tornBytes).toBe(Buffer.byteLength(rest));
        expect(splitter.completeBytes + splitter.tornBytes).toBe(bytes.length);
      }),
    );
  });

  it('holds no more than one line of the limit, and goes on after a longer one', () => {
    const splitter = new LineSplitter();
    const piece = Buffer.alloc(100_000, 'x');
    for (let i = 0; i < 20; i++) expect(splitter.push(piece)).toEqual([]);
    const [long, next] = splitter.push(Buffer.from('\nnext\n'));
    expect(long?.length).toBe(MAX_LINE_BYTES + 1);
    expect(Buffer.from(next ?? []).toString()).toBe('next');
    expect(splitter.completeBytes).toBe(2_000_006);
  });

  it('cuts a longer line that comes in one piece', () => {
    const [line] = new LineSplitter().push(Buffer.from(`${'x'.repeat(3 * MAX_LINE_BYTES)}\n`));
    expect(line?.length).toBe(MAX_LINE_BYTES + 1);
  });
});
