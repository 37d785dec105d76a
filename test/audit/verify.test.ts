import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signCheckpoint } from '../../native-free-core/audit/checkpoint.ts';
import { MAX_LINE_BYTES } from '../../native-free-core/audit/lines.ts';
import { MAX_PROBLEMS } from '../../native-free-core/audit/log-problem.ts';
import { eventIdOf, makeSigner, recordText, sampleLog, verifySample } from './sample-log.ts';

// Ten records, checkpoints over 1, 4 and 8 of them: 8 and 9 are not signed yet.
const log = await sampleLog(10, [1, 4, 8]);

function swapped(lines: readonly string[], a: number, b: number): string[] {
  return lines.map((line, i) => (i === a ? lines[b] : i === b ? lines[a] : line) ?? '');
}

describe('a log that nobody touched', () => {
  it('verifies; what the last checkpoint does not cover is said', async () => {
    expect(await verifySample(log)).toEqual({
      ok: true,
      records: 10,
      covered: 8,
      uncovered: 2,
      checkpoints: 3,
      problems: [],
    });
  });

  it('verifies without its leaf hashes, and with wrong ones', async () => {
    expect((await verifySample(log, { hashes: undefined })).ok).toBe(true);
    expect((await verifySample(log, { hashes: new Uint8Array(320) })).ok).toBe(true);
  });

  it('verifies against an earlier checkpoint kept elsewhere', async () => {
    expect((await verifySample(log, { knownCheckpoint: log.notes[1] ?? '' })).ok).toBe(true);
  });
});

describe('a changed record', () => {
  const lines = log.lines.with(5, log.lines[5]?.replace('ALLOW', 'DENY') ?? '');

  it('is named exactly', async () => {
    const report = await verifySample(log, { lines });
    expect(report).toMatchObject({ ok: false, records: 10, covered: 8, uncovered: 2 });
    expect(report.problems).toMatchObject([{ seq: 5, event_id: eventIdOf(5), kind: 'changed' }]);
  });

  it('is narrowed to its checkpoint interval where no leaf hashes are kept or somebody forged them', async () => {
    for (const hashes of [undefined, new Uint8Array(320)]) {
      const { ok, problems } = await verifySample(log, { lines, hashes });
      expect(ok).toBe(false);
      expect(problems).toMatchObject([{ seq: 4, event_id: null, kind: 'changed' }]);
      expect(problems[0]?.detail).toContain('records 4 to 7');
    }
  });

  it('is named after the last checkpoint too, where it is no record any more', async () => {
    const { ok, problems } = await verifySample(log, { lines: log.lines.with(9, '{"seq":9}x') });
    expect(ok).toBe(false);
    expect(problems).toMatchObject([{ seq: 9, kind: 'changed' }]);
  });

  it('is named whatever single bit of it is flipped', async () => {
    const line = fc.nat({ max: 7 });
    await fc.assert(
      fc.asyncProperty(line, fc.nat({ max: 200 }), fc.nat({ max: 7 }), async (seq, offset, bit) => {
        const bytes = Buffer.from(log.lines.map((text) => `${text}\n`).join(''));
        const start = Buffer.byteLength(log.lines.slice(0, seq).join('\n')) + (seq === 0 ? 0 : 1);
        const at = start + (offset % ((log.lines[seq]?.length ?? 0) + 1));
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        const { ok, problems } = await verifySample(log, { bytes });
        expect(ok).toBe(false);
        expect(problems.map((problem) => problem.seq)).toContain(seq);
        // Only a newline that came or went may touch a second record.
        expect(problems.length).toBeLessThanOrEqual(2);
      }),
      { numRuns: 300 },
    );
  });

  it('does not hide behind another change', async () => {
    const both = lines.with(2, recordText(2, 'other')).with(3, 'nothing like a record');
    const { problems } = await verifySample(log, { lines: both });
    expect(problems.map(({ seq, kind }) => [seq, kind])).toEqual([
      [2, 'changed'],
      [3, 'changed'],
      [5, 'changed'],
    ]);
  });
});

describe('lines that came, went or moved', () => {
  it('a removed record is named, covered or not', async () => {
    for (const seq of [0, 5, 7, 8]) {
      const { ok, problems } = await verifySample(log, { lines: log.lines.toSpliced(seq, 1) });
      expect(ok).toBe(false);
      expect(problems).toMatchObject([{ seq, event_id: null, kind: 'removed' }]);
    }
  });

  it('a removed range is one problem', async () => {
    const { problems } = await verifySample(log, { lines: log.lines.toSpliced(2, 4) });
    expect(problems).toMatchObject([{ seq: 2, kind: 'removed', detail: 'records 2 to 5 are missing' }]);
  });

  it('two swapped records are named, with and without leaf hashes', async () => {
    for (const hashes of [log.hashes, undefined]) {
      const { ok, problems } = await verifySample(log, { lines: swapped(log.lines, 5, 6), hashes });
      expect(ok).toBe(false);
      expect(problems).toMatchObject([{ seq: 5, event_id: eventIdOf(5), kind: 'reordered' }]);
    }
  });

  it('a repeated record is named', async () => {
    const { ok, problems } = await verifySample(log, {
      lines: log.lines.toSpliced(6, 0, log.lines[2] ?? ''),
    });
    expect(ok).toBe(false);
    expect(problems).toMatchObject([{ seq: 2, event_id: eventIdOf(2), kind: 'duplicated' }]);
  });

  it('an inserted record is named', async () => {
    const forged = recordText(5, 'forged');
    const { ok, problems } = await verifySample(log, { lines: log.lines.toSpliced(5, 0, forged) });
    expect(ok).toBe(false);
    expect(problems).toMatchObject([{ seq: 5, kind: 'inserted' }]);
  });

  it('any rearrangement of the signed records fails', async () => {
    const order = fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(order, async (indexes) => {
        const lines = indexes.map((i) => log.lines[i] ?? '');
        const isUntouched = lines.join() === log.lines.slice(0, 8).join();
        expect((await verifySample(log, { lines })).ok).toBe(isUntouched);
      }),
    );
  });
});

describe('a cut tail', () => {
  it('is seen where the checkpoints still speak of it', async () => {
    const { ok, problems } = await verifySample(log, { lines: log.lines.slice(0, 6) });
    expect(ok).toBe(false);
    expect(problems).toMatchObject([{ seq: 6, kind: 'removed', detail: 'records 6 to 7 are missing' }]);
  });

  it('is seen against a checkpoint kept elsewhere, and only there', async () => {
    const cut = { lines: log.lines.slice(0, 4), notes: log.notes.slice(0, 2) };
    expect((await verifySample(log, cut)).ok).toBe(true);
    const { ok, problems } = await verifySample(log, { ...cut, knownCheckpoint: log.notes[2] ?? '' });
    expect(ok).toBe(false);
    expect(problems).toMatchObject([{ seq: 4, kind: 'removed', detail: 'records 4 to 7 are missing' }]);
  });

  it('in the middle of a record is reported', async () => {
    const whole = Buffer.from(log.lines.map((line) => `${line}\n`).join(''));
    const { ok, records, problems } = await verifySample(log, { bytes: whole.subarray(0, -5) });
    expect([ok, records]).toEqual([false, 9]);
    expect(problems).toMatchObject([{ seq: 9, kind: 'torn' }]);
  });
});

describe('checkpoints', () => {
  it('another log signed with the same key is found against the one kept elsewhere', async () => {
    const second = await sampleLog(10, [1, 4, 8], log.signer, 'rewritten');
    expect((await verifySample(second)).ok).toBe(true);
    const { ok, problems } = await verifySample(second, { knownCheckpoint: log.notes[1] ?? '' });
    expect(ok).toBe(false);
    expect(problems).toMatchObject([{ kind: 'checkpoint' }]);
  });

  it('a known checkpoint of another origin is no evidence for this log', async () => {
    const foreign = await signCheckpoint(
      { origin: 'test/other', size: 4_000, root: new Uint8Array(32) },
      log.signer,
    );
    const { ok, problems } = await verifySample(log, { knownCheckpoint: foreign });
    expect(ok).toBe(false);
    expect(problems).toMatchObject([{ kind: 'checkpoint' }]);
    expect(problems[0]?.detail).toContain('`test/other`');
  });

  it('a log without one proves nothing', async () => {
    const report = await verifySample(log, { notes: [] });
    expect(report).toMatchObject({ ok: false, covered: 0, uncovered: 10, checkpoints: 0 });
    expect(report.problems).toMatchObject([{ kind: 'checkpoint' }]);
    expect((await verifySample(log, { notes: [], lines: [] })).ok).toBe(false);
  });

  it('signed by another key, changed, out of order or of another origin are reported', async () => {
    const [first = '', second = '', third = ''] = log.notes;
    const elsewhere = await sampleLog(4, [4], makeSigner('test'));
    const otherOrigin = await signCheckpoint(
      { origin: 'test/other', size: 9, root: new Uint8Array(32) },
      log.signer,
    );
    for (const notes of [
      [first, elsewhere.notes[0] ?? '', third],
      [first, second.replace('\n4\n', '\n5\n'), third],
      [first, third, second],
      [first, second, third, otherOrigin],
      [first, 'no note\n\n\u2014 test AAAA\n', third],
      [first, `${'x'.repeat(10_000)}\n${second}`, third],
    ]) {
      const { ok, problems } = await verifySample(log, { notes });
      expect(ok).toBe(false);
      expect(problems).toMatchObject([{ seq: null, kind: 'checkpoint' }]);
    }
  });

  it('two roots for one size are reported', async () => {
    const second = await sampleLog(8, [8], log.signer, 'rewritten');
    const { ok, problems } = await verifySample(log, { notes: [...log.notes, ...second.notes] });
    expect(ok).toBe(false);
    expect(problems[0]?.detail).toContain('two roots');
  });

  it('one that was not written to its end is reported and the others hold', async () => {
    const notes = [...log.notes, 'test/log\n9\nAAAA'];
    const report = await verifySample(log, { notes });
    expect(report).toMatchObject({ ok: false, covered: 8, checkpoints: 3, problems: [{ kind: 'torn' }] });
  });
});

describe('bounds', () => {
  it('a line beyond the limit is a changed record, not a way to use memory', async () => {
    const long = `{"seq":5,"x":"${'a'.repeat(4 * MAX_LINE_BYTES)}"}`;
    const { problems } = await verifySample(log, { lines: log.lines.with(5, long) });
    expect(problems).toMatchObject([{ seq: 5, kind: 'changed' }]);
  });

  it('a list of problems ends', async () => {
    const lines = Array.from({ length: 3 * MAX_PROBLEMS }, () => 'junk');
    const { ok, problems } = await verifySample(log, { lines });
    expect(ok).toBe(false);
    expect(problems.length).toBeLessThanOrEqual(MAX_PROBLEMS);
    expect(problems.at(-1)?.kind).toBe('more');
  });

  it('an id that could do harm on a terminal is not repeated', async () => {
    const line = `{"event_id":"\u001b[2J","seq":5}`;
    const { problems } = await verifySample(log, { lines: log.lines.with(5, line) });
    expect(problems).toMatchObject([{ seq: 5, event_id: null, kind: 'changed' }]);
  });
});
