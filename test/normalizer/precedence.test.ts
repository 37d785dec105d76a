import { describe, expect, it } from 'vitest';
import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';
import { compile, tableOf, type TestRule } from './test-rules.ts';

/** `GET,POST h.example /path`, `* host *`; a `!` behind the path folds its first segment. */
function parse(text: string): TestRule {
  const [methods = '', host = '', written = ''] = text.split(' ');
  const path = written.replace('!', '');
  return {
    host,
    ...(path === '*' ? {} : { path }),
    ...(methods === '*' ? {} : { method: methods.split(',') }),
    ...(path === written ? {} : { fold: [1] }),
  };
}

describe('conflicts', () => {
  it.each([
    ['* h /a', '* h /a'],
    ['* h *', '* h *'],
    ['GET,POST h /a', 'POST h /a'],
    ['* h /a*', '* h /*a'],
    ['GET h /a*', 'HEAD h /*a'],
    ['* h /a*/x', '* h /*a/x'],
    ['* h /a*b', '* h /*ab'],
    ['* h /ab*b', '* h /a*bb'],
    ['* h /a*x*', '* h /*y*a'],
    ['* h /A*b!', '* h /a*b'],
    ['* h /a', '* h /A!'],
    ['* *.h /a/**', '* *.h /a/**'],
  ])('stop the start: %s and %s', (one, other) => {
    expect(() => compile([parse(one), parse(other)])).toThrow(/^t:\d+: this rule and the one at t:\d+ match/);
  });

  it.each([
    ['GET h /a', 'POST h /a'],
    ['GET h /a', 'HEAD h /a'],
    ['* h /a', 'GET h /a'],
    ['* h /a*', '* h /b*'],
    ['* h /a*b', '* h /a*c'],
    ['* h /A*', '* h /a*'],
    ['* h /a*/x', '* h /*a/*'],
    ['* h /a*/x', '* h /*a/y'],
    ['* h /a', '* h /A'],
    ['* h /a', '* h:8443 /a'],
    ['* *.h /a', '* * /a'],
  ])('are none where a position separates them or no request matches both: %s and %s', (one, other) => {
    expect(compile([parse(one), parse(other)])('GET', 'unknown/a')).toBeTypeOf('number');
  });

  it('name both files', () => {
    const text = tableOf([{ host: 'h' }]);
    const load = () =>
      loadMappings([
        { file: 'one.toml', text },
        { file: 'two.toml', text: `\n${text}` },
      ]);
    expect(load).toThrow(/^two\.toml:2: .* one\.toml:1 /);
  });
});
