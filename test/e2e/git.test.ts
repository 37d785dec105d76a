import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openCertificateAuthority } from '../../src/proxy/ca.ts';
import { type Finished, firma } from '../cli/firma.ts';
import { makeLastingDir } from '../config/place.ts';
import { describeTools } from '../tools.ts';
import { type GitHost, startGitHost } from './git-host.ts';

const POLICIES = `
@id("git") permit (principal, action in [Firma::Action::"code.read", Firma::Action::"code.write"], resource);
@id("no-main") forbid (principal, action == Firma::Action::"code.write", resource)
when { context.params has git_ref && context.params.git_ref == "refs/heads/main" };
`;
const REMOTE = 'https://github.com/octocat/hello.git';

describeTools('git behind the sidecar', ['git'], () => {
  const { root, remove } = makeLastingDir({});
  const work = join(root, 'work');
  let host: GitHost;

  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: work, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  const run = (script: string): Promise<Finished> =>
    firma(['run', '--', 'sh', '-c', script], {
      cwd: work,
      env: { FIRMA_STATE_DIR: join(root, 'state'), FIRMA_CONFIG: join(root, 'firma.toml'), HOME: root },
    });

  beforeAll(async () => {
    for (const name of ['upstream', 'served']) mkdirSync(join(root, name), { mode: 0o700 });
    const ca = await openCertificateAuthority(join(root, 'upstream'));
    host = await startGitHost(ca, join(root, 'served'));
    writeFileSync(join(root, 'policies.cedar'), POLICIES);
    writeFileSync(
      join(root, 'firma.toml'),
      `[sidecar]\nid = "git"\n[sidecar.policy]\npath = "policies.cedar"\n[[sidecar.upstream.overrides]]\n` +
        `from = "github.com:443"\nto = "127.0.0.1:${host.port}"\nca = "${ca.certificateFile}"\n`,
    );
    const trusted = await firma(['trust', join(root, 'firma.toml')], {
      cwd: root,
      env: { FIRMA_STATE_DIR: join(root, 'state'), HOME: root },
    });
    if (trusted.code !== 0) throw new Error(trusted.err);
    execFileSync('git', ['init', '--quiet', '-b', 'topic', work]);
    git('config', 'user.name', 'Test');
    git('config', 'user.email', 'test@example.com');
    writeFileSync(join(work, 'README'), 'hello\n');
    git('add', '.');
    git('commit', '--quiet', '-m', 'first');
    git('remote', 'add', 'origin', REMOTE);
  });

  afterAll(async () => {
    await host.close();
    remove();
  });

  it('pushes branches and fetches them, also more than the sidecar ever holds', async () => {
    const first = git('rev-parse', 'HEAD').trim();
    let seed = 1;
    const noise = Buffer.alloc(3 * 1024 * 1024).map(() => (seed = (seed * 48271) % 2147483647) & 255);
    writeFileSync(join(work, 'large'), noise);
    git('add', '.');
    git('commit', '--quiet', '-m', 'large');
    // Above `http.postBuffer` git asks with an empty push first, and then sends without a length.
    const { code, err } = await run(
      `git push origin ${first}:refs/heads/topic ${first}:refs/heads/other && git fetch origin && git push origin topic`,
    );
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(host.refs()).toEqual(['refs/heads/other', 'refs/heads/topic']);
    expect(git('ls-remote', join(root, 'served/octocat/hello.git'), 'refs/heads/topic')).toContain(
      git('rev-parse', 'HEAD').trim(),
    );
  });

  it('is refused a whole push for one ref: a deleted one, or one that a policy names', async () => {
    const before = host.refs();
    const { err } = await run(
      'git push origin topic:third :other; echo first $? >&2; git push origin topic:third topic:main; echo second $? >&2',
    );
    expect(err).toMatch(/403[^]*first [1-9][^]*403[^]*second [1-9]/);
    expect(host.refs()).toEqual(before);
  });
});
