import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Matched } from '../../native-free-core/normalizer/normalizer.ts';
import type { Rule } from '../../native-free-core/normalizer/rules.ts';
import { isRefusal, normalizerOf, request } from '../normalizer/request.ts';

const normalizer = normalizerOf(readFileSync(new URL('../../mappings/github.toml', import.meta.url), 'utf8'));

/** A path is one of the REST API; anything else names its host. */
function urlOf(place: string): string {
  return place.startsWith('/') ? `https://api.github.com${place}` : `https://${place}`;
}

function match(method: string, place: string): Matched {
  const matched = normalizer.match(request(method, urlOf(place)));
  if (isRefusal(matched)) throw new Error(`${method} ${place}: ${matched.refused}`);
  return matched;
}

/** The class of each reading, the one of highest risk first; or the reason of the refusal. */
function classesOf(method: string, place: string): readonly string[] {
  const matched = normalizer.match(request(method, urlOf(place)));
  if (isRefusal(matched)) return [matched.refused];
  return [matched.first, ...matched.others].map(({ mapped }) => mapped.rule.actionClass.name);
}

function ruleOf(method: string, place: string): Rule {
  return match(method, place).first.mapped.rule;
}

function uidOf(method: string, place: string): string {
  return match(method, place).first.resource.uid;
}

const REPO = '/repos/octocat/hello';

describe('the GitHub table', () => {
  it.each([
    ['GET', REPO, 'code.read'],
    ['DELETE', REPO, 'repo.admin'],
    ['POST', `${REPO}/transfer`, 'repo.admin'],
    ['POST', `${REPO}/generate`, 'repo.lifecycle'],
    ['PUT', `${REPO}/import`, 'repo.lifecycle'],
    ['GET', `${REPO}/contents`, 'code.read'],
    ['POST', `${REPO}/git/trees`, 'code.write'],
    ['DELETE', `${REPO}/git/refs/heads/feature/x`, 'code.destructive'],
    ['POST', `${REPO}/merges`, 'code.merge'],
    ['POST', `${REPO}/merge-upstream`, 'code.merge'],
    ['PUT', `${REPO}/pulls/1/merge-async`, 'code.merge'],
    ['POST', `${REPO}/statuses/abc123`, 'code.write'],
    ['POST', `${REPO}/branches/main/rename`, 'code.write'],
    ['PUT', `${REPO}/branches/feature/x/protection`, 'repo.admin'],
    ['PUT', `${REPO}/pulls/1/reviews/2/dismissals`, 'code.review.submit'],
    ['POST', `${REPO}/pulls/1/requested_reviewers`, 'code.review.submit'],
    ['POST', `${REPO}/pulls/1/codespaces`, 'system.execute'],
    ['DELETE', `${REPO}/issues/comments/3`, 'issue.write'],
    ['POST', `${REPO}/issues/1/sub_issues`, 'issue.write'],
    ['GET', '/orgs/acme/projectsV2/1/items', 'issue.read'],
    ['GET', `${REPO}/actions/secrets/public-key`, 'credential.read'],
    ['GET', `${REPO}/actions/organization-secrets`, 'credential.read'],
    ['GET', `${REPO}/actions/variables/NAME`, 'credential.read'],
    ['PATCH', `${REPO}/environments/prod/variables/NAME`, 'credential.write'],
    ['PUT', '/orgs/acme/dependabot/secrets/NAME/repositories/1', 'credential.write'],
    ['GET', '/user/codespaces/secrets', 'credential.read'],
    ['GET', '/orgs/acme/private-registries', 'credential.read'],
    ['GET', `${REPO}/keys`, 'credential.read'],
    ['POST', `${REPO}/keys`, 'account.permission.change'],
    ['POST', '/user/keys', 'credential.write'],
    ['GET', '/users/octocat/gpg_keys', 'credential.read'],
    ['GET', '/orgs/acme/personal-access-tokens', 'credential.read'],
    ['POST', '/orgs/acme/personal-access-token-requests/1', 'account.permission.change'],
    ['POST', '/app/installations/1/access_tokens', 'credential.write'],
    ['GET', '/feeds', 'credential.read'],
    ['POST', `${REPO}/actions/runners/registration-token`, 'credential.write'],
    ['POST', '/orgs/acme/actions/runners/generate-jitconfig', 'credential.write'],
    ['GET', '/orgs/acme/actions/runners/downloads', 'credential.read'],
    ['GET', '/orgs/acme/actions/runners', 'code.read'],
    ['GET', `${REPO}/hooks/1/deliveries`, 'credential.read'],
    ['PATCH', `${REPO}/hooks/1/config`, 'account.permission.change'],
    ['POST', `${REPO}/hooks/1/tests`, 'communication.external.send'],
    ['PUT', '/orgs/acme/teams/core/repos/acme/app', 'account.permission.change'],
    ['PUT', '/orgs/acme/organization-roles/users/mallory/1', 'account.permission.change'],
    ['POST', '/user/emails', 'account.permission.change'],
    ['POST', `${REPO}/actions/workflows/ci.yml/dispatches`, 'system.execute'],
    ['POST', `${REPO}/actions/runs/1/approve`, 'system.execute'],
    ['POST', `${REPO}/dispatches`, 'system.execute'],
    ['POST', `${REPO}/deployments`, 'system.execute'],
    ['POST', '/agents/repos/octocat/hello/tasks', 'system.execute'],
    ['PUT', `${REPO}/actions/permissions/workflow`, 'repo.admin'],
    ['DELETE', `${REPO}/actions/runs/1/logs`, 'code.destructive'],
    ['PUT', `${REPO}/environments/prod`, 'repo.admin'],
    ['POST', '/gists', 'communication.external.send'],
    ['PATCH', '/gists/abc', 'communication.external.send'],
    ['GET', '/gists/abc', 'code.read'],
    ['DELETE', `${REPO}/releases/assets/1`, 'code.destructive'],
    ['POST', 'uploads.github.com/repos/octocat/hello/releases/1/assets', 'code.write'],
    ['DELETE', '/orgs/acme/packages/npm/app/versions/1', 'code.destructive'],
    ['PATCH', `${REPO}/secret-scanning/alerts/1`, 'repo.admin'],
    ['GET', `${REPO}/secret-scanning/alerts/1/locations`, 'security.alert.read'],
    ['PUT', '/user/starred/octocat/hello', 'notification.manage'],
    ['GET', '/organizations/acme/settings/billing/usage', 'payment.read'],
    ['POST', '/orgs/acme/secret_scanning/disable_all', 'repo.admin'],
    ['POST', '/markdown', 'code.read'],
    ['GET', '/repositories/1300192/issues?page=2', 'issue.read'],
    ['GET', 'raw.githubusercontent.com/octocat/hello/main/README.md', 'code.read'],
    ['GET', 'codeload.github.com/octocat/hello/zip/refs/heads/main', 'code.read'],
    ['GET', 'github.com/octocat/hello/archive/refs/heads/main.tar.gz', 'code.read'],
    ['POST', 'github.com/login/oauth/access_token', 'credential.write'],
  ])('%s %s is %s', (method, place, expected) => {
    expect(classesOf(method, place)).toEqual([expected]);
  });

  it.each([
    ['a subtree nobody has thought about', 'GET', `${REPO}/new-thing/1`],
    ['a change nobody has thought about', 'POST', `${REPO}/new-thing`],
    ['a page of the web site', 'GET', 'github.com/octocat/hello/settings/keys'],
    ['a form of the web site', 'POST', 'github.com/octocat/hello/settings/keys'],
    ['an upload to a host for downloads', 'PUT', 'objects.githubusercontent.com/x'],
    ['a job that asks for an identity token', 'GET', 'pipelines.actions.githubusercontent.com/x/idtoken'],
  ])('does not answer %s', (_, method, place) => {
    expect(classesOf(method, place)).toEqual(['UNCLASSIFIED_ACTION']);
  });
});

describe('a name that looks like a path', () => {
  it.each([
    ['PUT', `${REPO}/contents/pulls/1/reviews/2`, 'code.write'],
    ['DELETE', `${REPO}/contents/issues/comments/1`, 'code.destructive'],
    ['PUT', `${REPO}/contents/subscription`, 'code.write'],
    ['GET', '/repos/octocat/issues/contents/actions/secrets', 'code.read'],
    ['PATCH', '/repos/issues/labels', 'repo.admin'],
    ['DELETE', '/repos/notifications/subscription', 'repo.admin'],
    ['GET', '/orgs/repos/actions/secrets', 'credential.read'],
    ['DELETE', `${REPO}/branches/protection/protection`, 'repo.admin'],
    ['POST', `${REPO}/branches/protection/rename`, 'code.write'],
    ['POST', `${REPO}/branches/main/protection/rename`, 'repo.admin'],
    ['PUT', `${REPO}/pulls/comments/merge`, 'code.merge'],
    ['PUT', `${REPO}/pulls/reviews/merge`, 'code.merge'],
    ['POST', `${REPO}/pulls/comments/codespaces`, 'system.execute'],
    ['DELETE', `${REPO}/git/refs/heads/reviews`, 'code.destructive'],
    ['GET', `${REPO}/environments/protection/secrets`, 'credential.read'],
    ['DELETE', '/repos/octocat/hello;x/subscription/..', 'repo.admin'],
  ])('does not make %s %s milder: %s', (method, place, expected) => {
    expect(classesOf(method, place)[0]).toBe(expected);
  });

  it.each([
    ['GET', `${REPO}/actions%2Fsecrets`, 'credential.read'],
    ['GET', `${REPO}/new-thing%2Fsecrets`, 'credential.read'],
    ['GET', '/repos/octocat%2Fhello/actions/secrets', 'credential.read'],
    ['GET', '/user/codespaces%2Fsecrets', 'credential.read'],
    ['PUT', `${REPO}/pulls/1%2Freviews/merge`, 'code.merge'],
    ['POST', `${REPO}/branches/x%2Fprotection/rename`, 'repo.admin'],
    ['GET', `${REPO}/commits/feature%2Fx`, 'code.read'],
    ['DELETE', `${REPO}/git/refs/heads%2Fx`, 'code.destructive'],
  ])('with an encoded slash is what its strictest reading is: %s %s is %s', (method, place, expected) => {
    expect(classesOf(method, place)[0]).toBe(expected);
  });

  it.each([
    '/repos/octocat%2Fhello',
    'github.com/octocat%2Fhello/git-receive-pack',
    'github.com/octocat/hello%2Fgit-upload-pack',
  ])('with an encoded slash between owner and repository is not known: %s', (place) => {
    expect(classesOf('POST', place)).toEqual(['UNCLASSIFIED_ACTION']);
  });
});

describe('names without a case of their own', () => {
  it.each([
    [
      'GET',
      '/repos/OctoCat/Hello/contents/README.md',
      'api.github.com/repos/octocat/hello/contents/README.md',
    ],
    ['GET', '/orgs/ACME/members/OctoCat', 'api.github.com/orgs/acme/members/octocat'],
    ['PUT', '/orgs/ACME/teams/Core/repos/ACME/App', 'api.github.com/orgs/acme/teams/core/repos/acme/app'],
    ['PUT', '/user/starred/OctoCat/Hello', 'api.github.com/user/starred/octocat/hello'],
    ['POST', 'github.com/OctoCat/Hello.git/git-upload-pack', 'github.com/octocat/hello.git/git-upload-pack'],
  ])('are folded in the resource of %s %s', (method, place, uid) => {
    expect(uidOf(method, place)).toBe(uid);
  });
});

describe('a call whose body decides', () => {
  it.each(['octocat/hello', 'octocat/hello.git'])('is a push to %s, which updates or deletes', (name) => {
    const { refinement, actionClass } = ruleOf('POST', `github.com/${name}/git-receive-pack`);
    expect(actionClass.name).toBe('code.write');
    expect(refinement?.refiner).toBe('git-receive-pack');
    expect(refinement?.classes.get('create')?.name).toBe('code.write');
    expect(refinement?.classes.get('update')?.name).toBe('code.write');
    expect(refinement?.classes.get('delete')?.name).toBe('code.destructive');
  });

  it.each(['octocat/hello', 'octocat/hello.git'])('is an LFS batch of %s, up or down', (name) => {
    const { refinement, actionClass } = ruleOf('POST', `github.com/${name}/info/lfs/objects/batch`);
    expect(actionClass.name).toBe('code.write');
    expect(refinement?.refiner).toBe('git-lfs');
    expect(refinement?.classes.get('download')?.name).toBe('code.read');
    expect(refinement?.classes.get('upload')?.name).toBe('code.write');
  });

  it.each([
    ['createPullRequest', 'code.write'],
    ['createCommitOnBranch', 'code.write'],
    ['updateRefs', 'code.destructive'],
    ['deleteRef', 'code.destructive'],
    ['mergePullRequest', 'code.merge'],
    ['enablePullRequestAutoMerge', 'code.merge'],
    ['enqueuePullRequest', 'code.merge'],
    ['addPullRequestReview', 'code.review.submit'],
    ['addComment', 'issue.write'],
    ['updateProjectV2ItemFieldValue', 'issue.write'],
    ['updateProjectV2Collaborators', 'account.permission.change'],
    ['createRepository', 'repo.lifecycle'],
    ['updateRepository', 'repo.admin'],
    ['deleteBranchProtectionRule', 'repo.admin'],
    ['approveDeployments', 'system.execute'],
    ['addStar', 'notification.manage'],
    ['createSponsorship', 'payment.transfer'],
  ])('is the GraphQL field %s: %s', (field, expected) => {
    expect(ruleOf('POST', '/graphql').refinement?.classes.get(field)?.name).toBe(expected);
  });

  it('is a GraphQL query, which reads, or a field nobody has thought about, which may do anything', () => {
    const { refinement, actionClass } = ruleOf('POST', '/graphql');
    expect(refinement?.refiner).toBe('graphql');
    expect(actionClass.name).toBe('code.read');
    expect(refinement?.strictest.name).toBe('account.permission.change');
  });
});
