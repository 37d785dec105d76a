import { describe, expect, it } from 'vitest';
import { compare, compiledAnswers, permitWhen } from './oracle.ts';

// cedar-wasm says what is right.

describe('`like`', () => {
  it('matches as Cedar does', () => {
    const texts = ['', 'a', 'ab', 'aab', 'abab', 'ba', '*', 'a*b', '😀', 'a😀b', '\u{d7ff}\u{e000}', 'aaaa'];
    const patterns = [
      '',
      '*',
      'a',
      'a*',
      '*b',
      'a*b',
      '*a*b*',
      'a**b',
      '\\*',
      '*\\**',
      '*😀*',
      '?',
      'aa*aa',
      'aaa*aa',
      '*ab*b',
      'a*a*a*a*a',
    ];
    const policies = patterns.map((pattern) => permitWhen(`context.text like "${pattern}"`));
    const { differences, counts } = compare(
      policies,
      texts.map((text) => ({ text })),
    );
    expect(differences).toEqual([]);
    expect(counts[1]).toBeGreaterThan(30);
  });

  it('finds a long part as Cedar does, wherever it stands and whatever nearly matches before it', () => {
    const long = ['a'.repeat(70), `${'ab'.repeat(40)}a`, `${'a'.repeat(10)}b${'a'.repeat(60)}`];
    const policies = long.flatMap((part) => [
      permitWhen(`context.text like "*${part}*"`),
      permitWhen(`context.text like "a*${part}*${part}b"`),
    ]);
    const texts = long.flatMap((part) => [
      part,
      `aa${part}`,
      `${part}${part}b`,
      `a${part.slice(1)}${part}bb`,
    ]);
    const { differences, counts } = compare(
      policies,
      texts.map((text) => ({ text })),
    );
    expect(differences).toEqual([]);
    expect(counts[1]).toBeGreaterThan(10);
  });

  it('ends where a pattern nearly matches everywhere', () => {
    const policy = permitWhen(`context.text like "${'a*'.repeat(60)}b"`);
    expect(compiledAnswers([policy], [{ text: 'a'.repeat(8192) }])[policy]).toEqual([0]);
  });
});
