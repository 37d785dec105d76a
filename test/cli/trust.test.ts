import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeDir } from '../config/place.ts';
import { firma } from './firma.ts';

const CONFIG =
  '[sidecar.mapping]\nrules_path = "rules.toml"\n[sidecar.policy]\npath = "p.cedar"\n[authority]\nissuance_path = "i.cedar"\n';
const RULES = '[[rules]]\nmethod = "GET"\nhost = "a.example"\npath = "/x"\naction_class = "code.read"\n';

function makeProject(): { cwd: string; env: Record<string, string> } {
  const cwd = makeDir({ 'firma.toml': CONFIG, 'rules.toml': RULES, 'p.cedar': '', 'i.cedar': '' });
  return { cwd, env: { FIRMA_STATE_DIR: join(makeDir(), 'state') } };
}

describe('firma trust', () => {
  it('shows what it trusts, then only what changed', async () => {
    const project = makeProject();
    const first = await firma(['trust'], project);
    expect(first.code).toBe(0);
    expect(first.out).toContain(`added    ${project.cwd}/p.cedar\n`);
    expect(first.out).toContain(`${project.cwd}/firma.toml is trusted from now on`);
    writeFileSync(join(project.cwd, 'p.cedar'), '// changed');
    const second = await firma(['trust', 'firma.toml', '--json'], project);
    expect(JSON.parse(second.out)).toEqual({
      config: join(project.cwd, 'firma.toml'),
      added: [],
      changed: [join(project.cwd, 'p.cedar')],
      removed: [],
    });
    expect((await firma(['trust'], project)).out).toContain('was trusted as it is');
  });

  it('is what another command asks for, and what lets it go on', async () => {
    const project = makeProject();
    const call = ['classify', 'GET', 'https://a.example/x'];
    const before = await firma(call, project);
    expect(before).toMatchObject({ code: 2, out: '' });
    expect(before.err).toBe(
      `firma: ${project.cwd}/firma.toml: is not trusted; read it and the files it names, then run \`firma trust ${project.cwd}/firma.toml\`\n`,
    );
    await firma(['trust'], project);
    expect(await firma(call, project)).toMatchObject({ code: 0, err: '' });
    writeFileSync(join(project.cwd, 'rules.toml'), `${RULES}# more\n`);
    const after = await firma(call, project);
    expect(after.code).toBe(2);
    expect(after.err).toContain(`${project.cwd}/rules.toml: has changed since it was trusted`);
  });

  it('ends 2 for a configuration with a mistake, naming the line', async () => {
    const project = makeProject();
    writeFileSync(join(project.cwd, 'firma.toml'), `${CONFIG}isuance_path = "x"\n`);
    const { code, err } = await firma(['trust'], project);
    expect(code).toBe(2);
    expect(err).toBe(
      `firma: ${project.cwd}/firma.toml:7:1: \`authority.isuance_path\` is no known key; did you mean \`issuance_path\`?\n`,
    );
  });

  it.each([
    ['a table', 'rules.toml', RULES.replace('code.read', 'code.raed'), 'rules.toml:5'],
    [
      'a policy',
      'p.cedar',
      '@id("a")\npermit (principal, action, resource) when { context. };\n',
      'p.cedar:2',
    ],
    ['an issuance policy', 'i.cedar', '@id("a")\npermit (principal, action, resource', 'i.cedar:'],
  ])('ends 2 for %s with a mistake, naming the line, and records nothing', async (_, name, text, where) => {
    const project = makeProject();
    writeFileSync(join(project.cwd, name), text);
    const { code, err } = await firma(['trust'], project);
    expect(code).toBe(2);
    expect(err).toContain(where);
    expect((await firma(['classify', 'GET', 'https://a.example/x'], project)).err).toContain(
      'is not trusted',
    );
  });

  it('ends 2 where there is nothing to trust', async () => {
    const project = makeProject();
    rmSync(join(project.cwd, 'firma.toml'));
    const { code, err } = await firma(['trust'], project);
    expect(code).toBe(2);
    expect(err).toContain('there is no `firma.toml` here or above');
  });

  it('ends 3 where the state directory cannot be used', async () => {
    const project = makeProject();
    const { code, err } = await firma(['trust', '--state-dir', join(project.cwd, 'p.cedar')], project);
    expect(code).toBe(3);
    expect(err).toContain('is no directory');
  });

  it('shows a path that would play with the terminal as plain text', async () => {
    const project = makeProject();
    const { err } = await firma(['trust', 'x\u001b[2J\n\u202ey.toml'], project);
    expect(err).toContain('x\\x1b[2J\\x0a\\x202ey.toml: does not exist\n');
  });
});
