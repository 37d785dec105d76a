import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { entryPoint } from '../../src/entry-point.ts';
import { firma } from './firma.ts';

describe('the command line', () => {
  it('helps on standard output and ends 0', async () => {
    const { code, out, err } = await firma(['--help']);
    expect(code).toBe(0);
    expect(out).toContain('Usage: firma');
    for (const command of ['classes', 'trust', 'classify', 'audit', 'token'])
      expect(out).toContain(`\n  ${command} `);
    expect(err).toBe('');
  });

  it.each([
    ['classes'],
    ['trust'],
    ['classify'],
    ['audit', 'verify'],
    ['token', 'issue'],
    ['token', 'inspect'],
  ])('helps with %s %s, and shows an example', async (...words) => {
    const { code, out } = await firma([...words, '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`Usage: firma ${words.join(' ')}`);
    expect(out).toMatch(/Examples?:\n {2}\$ (.* )?firma /);
    expect(out).toContain('--json');
  });

  it('says its version', async () => {
    expect((await firma(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    ['no command', [], 'Usage: firma'],
    ['a command that does not exist', ['clases'], '(Did you mean classes?)'],
    ['an option that does not exist', ['classes', '--jsn'], "unknown option '--jsn'"],
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
