import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { API_PARTS } from '../../bench/macro/api-parts.ts';
import { replaceSection } from '../../bench/results.ts';
import { shippedPath } from '../../src/config/package-root.ts';

const TEXT =
  'notes\n<!-- bench:one -->\nold\n<!-- /bench:one -->\nmore\n<!-- bench:two -->\nold\n<!-- /bench:two -->\n';

describe('a section of the results', () => {
  it('is replaced alone: notes and other sections stay', () => {
    const text = replaceSection(TEXT, 'one', ['new', 'lines']);
    expect(text).toBe(TEXT.replace('\nold\n', '\n\nnew\nlines\n\n'));
  });

  it('is the same when it is replaced by the same lines again', () => {
    const once = replaceSection(TEXT, 'two', ['new']);
    expect(replaceSection(once, 'two', ['new'])).toBe(once);
  });

  it('has to be there, whole and once', () => {
    expect(() => replaceSection(TEXT, 'three', [])).toThrow('bench:three');
    expect(() => replaceSection('<!-- bench:one -->', 'one', [])).toThrow('bench:one');
    expect(() => replaceSection(TEXT + TEXT, 'one', [])).toThrow('once');
  });

  it('stands in the results for everything that is measured', () => {
    const results = readFileSync(shippedPath('bench/RESULTS.md'), 'utf8');
    const ids = ['decision', 'normalizer', 'policies', 'sessions', ...API_PARTS.map((part) => `api-${part}`)];
    for (const id of ids) expect(replaceSection(results, id, ['new'])).toContain('\nnew\n');
  });
});
