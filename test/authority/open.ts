import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { Authority, type AuthorityOptions, type IssueRequest } from '../../src/authority/authority.ts';

export const NOW_S = 1_800_000_000;

/** The clock of every Authority that `openAuthority` opens. */
export const clock = { nowS: NOW_S };

export const PERMIT_ALL = '@id("all") permit (principal, action, resource);';

export const REQUEST: IssueRequest = {
  agent: 'agent-7',
  groups: ['ops'],
  actions: ['code.read', 'payment.transfer'],
  scope: ['api.stripe.com', 'api.github.com/repos/**'],
  ttlS: 600,
};

const dirs: string[] = [];
const opened: Authority[] = [];

afterEach(async () => {
  clock.nowS = NOW_S;
  for (const authority of opened.splice(0)) authority.close();
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true });
});

/** A directory that is gone after the test. */
export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'firma-authority-'));
  dirs.push(dir);
  return dir;
}

export async function openAuthority(changes: Partial<AuthorityOptions> = {}): Promise<Authority> {
  const authority = await Authority.open({
    dir: changes.dir ?? (await tempDir()),
    issuer: 'https://authority.test',
    audience: 'sidecar-1',
    maxTtlS: 3600,
    issuance: [{ file: 'issuance.cedar', text: PERMIT_ALL }],
    checkScope: (pattern) => (pattern.includes(' ') ? 'a pattern holds no space' : undefined),
    now: () => clock.nowS * 1000 + 0.75,
    ...changes,
  });
  opened.push(authority);
  return authority;
}
