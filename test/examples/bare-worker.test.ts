import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BroadcastChannel, Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claims, mint, signer } from '../capability/authority.ts';

const TABLES = `
[[rules]]
method = "GET"
host = "api.test"
path = "/repos/*/*"
action_class = "code.read"

[[rules]]
method = "DELETE"
host = "api.test"
path = "/repos/*/*"
action_class = "repo.admin"
`;
const POLICIES = '@id("reads") permit (principal, action == Firma::Action::"code.read", resource);';

const authority = signer('key-1');
const core = createRequire(import.meta.url).resolve('@firma/core');

function cedarBytes(): Uint8Array {
  const beside = createRequire(core).resolve('@cedar-policy/cedar-wasm/nodejs');
  return readFileSync(join(dirname(beside), '..', 'web', 'cedar_wasm_bg.wasm'));
}

describe('the core alone, in a worker without Node', () => {
  const channel = new BroadcastChannel('firma-bare-worker');
  let worker: Worker;
  const next = (): Promise<unknown> =>
    new Promise((resolve) => {
      channel.onmessage = (event) => resolve((event as { data: unknown }).data);
    });
  const ask = async (method: string): Promise<unknown> => {
    const nowS = Math.floor(Date.now() / 1000);
    const token = mint(
      authority,
      claims({
        iat: nowS,
        nbf: nowS,
        exp: nowS + 600,
        action_set: ['code.read', 'repo.admin'],
        resource_scope: ['api.test'],
        budgets: undefined,
      }),
    );
    const answer = next();
    channel.postMessage({ call: { id: 1, token, method, host: 'api.test', target: '/repos/a/b' } });
    return answer;
  };

  beforeAll(async () => {
    const loaded = next();
    // Nothing of Node is put into its global scope but what every runtime has.
    worker = new Worker(join(dirname(core), 'examples', 'bare-worker.js'), { env: {}, stdin: false });
    expect(await loaded).toEqual({ loaded: true });
    const ready = next();
    const start = {
      cedar: cedarBytes(),
      tables: TABLES,
      policies: POLICIES,
      issuer: 'https://authority.test',
      audience: 'sidecar-1',
      kid: authority.kid,
      key: authority.jwk,
    };
    channel.postMessage({ start });
    expect(await ready).toEqual({ ready: true });
  });

  afterAll(async () => {
    channel.close();
    await worker.terminate();
  });

  it('decides as it does behind a socket', async () => {
    expect(await ask('GET')).toMatchObject({ answer: { outcome: 'ALLOW', reason: 'OK' } });
    expect(await ask('DELETE')).toMatchObject({ answer: { outcome: 'DENY', reason: 'POLICY_NO_PERMIT' } });
  });

  it('hands over the record of each decision', async () => {
    const { answer } = (await ask('GET')) as { answer: { record: unknown } };
    expect(answer.record).toMatchObject({ kind: 'decision', outcome: 'ALLOW', sidecar_id: 'bare' });
  });
});
