import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { entryPoint } from '../../src/entry-point.ts';
import { firma } from './firma.ts';

/** The help of every command that does something, by its words: what a help lists below it is asked in turn. */
async function allHelp(words: readonly string[] = []): Promise<Map<string, string>> {
  const { code, out, err } = await firma([...words, '--help']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain(['Usage: firma', ...words].join(' '));
  const below = [...(out.split('\nCommands:\n')[1] ?? '').matchAll(/^ {2}([a-z]+)/gm)]
    .map((match) => match[1] ?? '')
    .filter((name) => name !== 'help');
  if (below.length === 0) return new Map([[words.join(' '), out]]);
  const helps = await Promise.all(below.map((name) => allHelp([...words, name])));
  return new Map(helps.flatMap((one) => [...one]));
}

describe('the command line', () => {
  it('helps with every command on standard output, and shows an example', async () => {
    const helps = await allHelp();
    expect([...helps.keys()].sort()).toEqual([
      ...['audit verify', 'bench', 'classes', 'classify', 'decide', 'demo', 'load'],
      ...['mapping check', 'mapping coverage', 'mapping diff'],
      ...['policy check', 'policy explain', 'policy reload', 'policy schema', 'policy test'],
      ...[
        'run',
        'session abort',
        'session list',
        'session show',
        'sidecar',
        'token inspect',
        'token issue',
        'trust',
      ],
    ]);
    for (const [name, help] of helps) {
      expect(help).toMatch(/Examples?:\n {2}\$ (.* )?firma /);
      // `run` prints nothing of its own on standard output.
      expect([name, help.includes('--json')]).toEqual([name, name !== 'run']);
    }
  });

  it('says its version', async () => {
    expect((await firma(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    ['no command', [], 'Usage: firma'],
    ['a command that does not exist', ['clases'], '(Did you mean classes?)'],
    ['an option that does not exist', ['classes', '--jsn'], "firma: unknown option '--jsn'"],
    ['two forms of output at once', ['classes', '--json', '--markdown'], 'cannot be used with'],
    ['an argument too many', ['classes', 'x'], 'too many arguments'],
    ['a missing argument', ['classify', 'GET'], "missing required argument 'url'"],
    ['a command group alone', ['token'], 'Usage: firma token'],
  ])('ends 2 for %s, and says so on standard error', async (_what, args, expected) => {
    const { code, out, err } = await firma(args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(expected);
  });

  it('ends quietly where its reader has seen enough', async () => {
    const child = spawn(process.execPath, [entryPoint('cli/main.js'), 'classes', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    const [err] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect(child.exitCode).toBe(0);
    expect(err).toBe('');
  });
});

describe('firma classes', () => {
  it('prints the closed list as JSON', async () => {
    const { code, out } = await firma(['classes', '--json']);
    expect(code).toBe(0);
    const { registry_version: version, classes } = JSON.parse(out);
    expect(version).toMatch(/^fep-0\.1\+[0-9a-f]+$/);
    expect(classes).toHaveLength(44);
    expect(classes[0]).toEqual({
      name: 'account.permission.change',
      risk: 'critical',
      effect: 'change',
      category: 'account',
      base: true,
      meaning: 'roles, grants, delegates, webhooks, members, deploy keys',
    });
  });

  it('prints the text of REGISTRY.md', async () => {
    const file = new URL('../../native-free-core/registry/REGISTRY.md', import.meta.url);
    expect((await firma(['classes', '--markdown'])).out).toBe(readFileSync(file, 'utf8'));
  });

  it('prints a line a class, the base ones marked', async () => {
    const { out } = await firma(['classes']);
    expect(
      out
        .trimEnd()
        .split('\n')
        .filter((line) => line.includes('  fep  ')),
    ).toHaveLength(15);
    expect(out).toMatch(/^payment\.transfer +critical +change +fep +moving value$/m);
  });
});
