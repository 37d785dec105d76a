import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalize } from '@firma/core';
import { afterEach, describe, expect, it } from 'vitest';
import { EventFinder, uuidTimeMs } from '../../src/audit/find-event.ts';
import { scratchDir } from '../store/scratch-dir.ts';

const BASE_MS = 1_800_000_000_000;
const open: number[] = [];

afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
});

function idAt(timeMs: number, number: number): string {
  const time = timeMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

interface Line {
  readonly id: string;
  readonly text: string;
}

/** A record of about `bytes` bytes. */
function lineOf(id: string, seq: number, bytes = 300): Line {
  const params = { event_id: idAt(BASE_MS + 5_000, 1), pad: 'x'.repeat(bytes) };
  return { id, text: canonicalize({ event_id: id, params, seq }) };
}

function finderOf(lines: readonly Line[], tail = ''): EventFinder {
  const path = join(scratchDir(), 'events-0.jsonl');
  writeFileSync(path, lines.map(({ text }) => `${text}\n`).join('') + tail);
  const fd = openSync(path, 'r');
  open.push(fd);
  return new EventFinder(fd);
}

/** So many records, a millisecond each, some of them out of order by up to 40 ms, a few very long. */
const lines = Array.from({ length: 6_000 }, (_, seq) => {
  const skew = (seq * 7_919) % 40;
  return lineOf(idAt(BASE_MS + seq - skew, seq), seq, seq % 500 === 7 ? 60_000 : 300);
});

describe('EventFinder', () => {
  it('finds every record, whatever its size and though times are a little out of order', () => {
    const finder = finderOf(lines, '{"event_id":"unfinished');
    for (let seq = 0; seq < lines.length; seq += 37) {
      expect(finder.find(lines[seq]?.id ?? '', 0)).toBe(lines[seq]?.text);
    }
    expect(finder.find(lines.at(-1)?.id ?? '', 0)).toBe(lines.at(-1)?.text);
  });

  it('finds one that was appended most of a second after its time', () => {
    const late = lineOf(idAt(BASE_MS + 3_000, 77), 3_800);
    const finder = finderOf([...lines.slice(0, 3_800), late, ...lines.slice(3_800)]);
    expect(finder.find(late.id, 0)).toBe(late.text);
  });

  it('looks at the last run by itself: the clock may have been set back before it', () => {
    const first = lines.map(({ text }) => text.length + 1).reduce((sum, length) => sum + length, 0);
    const back = Array.from({ length: 2_000 }, (_, seq) => lineOf(idAt(BASE_MS - 90_000 + seq, seq), seq));
    const finder = finderOf([...lines, ...back]);
    expect(finder.find(back[1_000]?.id ?? '', first)).toBe(back[1_000]?.text);
    expect(finder.find(lines[1_000]?.id ?? '', first)).toBe(lines[1_000]?.text);
  });

  it('is not led astray by a fact that is called like an id and holds one', () => {
    const finder = finderOf(lines);
    const claimed = idAt(BASE_MS + 5_000, 1);
    expect(finder.find(claimed, 0)).toBeUndefined();
    const real = lineOf(claimed, 6_000);
    expect(finderOf([...lines.slice(0, 5_000), real, ...lines.slice(5_000)]).find(claimed, 0)).toBe(
      real.text,
    );
  });

  it('knows no other id, in an empty file neither', () => {
    expect(finderOf(lines).find(idAt(BASE_MS + 3, 999_999), 0)).toBeUndefined();
    expect(finderOf([]).find(idAt(BASE_MS, 1), 0)).toBeUndefined();
    expect(finderOf([], '{"torn').find(idAt(BASE_MS, 1), 0)).toBeUndefined();
  });

  it.each([
    '',
    'x',
    '../../etc/passwd',
    `${idAt(BASE_MS, 1)}"`,
    idAt(BASE_MS, 1).toUpperCase(),
    idAt(BASE_MS, 1).replace('-7', '-4'),
  ])('takes `%s` for no id', (text) => {
    expect(uuidTimeMs(text)).toBeUndefined();
    expect(finderOf(lines.slice(0, 3)).find(text, 0)).toBeUndefined();
  });
});
