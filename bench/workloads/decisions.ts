import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Decision, RawRequest } from '@firma/core';
import { trust } from '../../src/config/trust.ts';
import type { Caller, Firma } from '../../src/firma.ts';
import { openFirma } from '../../src/open-firma.ts';

// Ten policies over the classes an agent uses most. Two of them apply to what is measured: a permit, and a forbid that
// looks at the session on every call.
const TEN_POLICIES = `
@id("read-code") permit (principal, action == Firma::Action::"code.read", resource);
@id("read-issues") permit (principal, action == Firma::Action::"issue.read", resource);
@id("write-code") permit (principal, action == Firma::Action::"code.write", resource);
@id("write-issues") permit (principal, action == Firma::Action::"issue.write", resource);
@id("pay") permit (principal, action == Firma::Action::"payment.transfer", resource);
@id("pay-limit") forbid (principal, action == Firma::Action::"payment.transfer", resource)
  unless { context.params has amount && context.params.amount <= 5000 };
@id("model") permit (principal, action == Firma::Action::"communication.external.send", resource in Firma::HostGroup::"model");
@id("no-exfiltration") forbid (principal, action == Firma::Action::"communication.external.send", resource)
  unless { resource in Firma::HostGroup::"model" };
@id("no-deletion") forbid (principal, action == Firma::Action::"code.destructive", resource);
@id("runaway") @outcome("abort") forbid (principal, action, resource) when { context.session.denies > 1000 };
`;

const CONFIG = `
[sidecar]
id = "bench"
audience = "bench"
[sidecar.policy]
path = "policies.cedar"
`;

/** An enforcement point with everything real in it: signature, policy, writer process. */
export interface Workload {
  readonly firma: Firma;
  /** Same agent and request, a token each; `count` different sessions. */
  callers(count: number): Promise<Caller[]>;
  close(): Promise<void>;
}

/** A read of a repository: class `code.read`, no body, no budget. */
export const READ_REPOSITORY: RawRequest = {
  method: 'GET',
  scheme: 'https',
  hostPort: 'api.github.com',
  target: '/repos/octocat/hello-world',
  headers: new Map([['host', ['api.github.com']]]),
  transport: 'proxy',
  bodyLength: 0,
};

export const NO_BODY = new Uint8Array(0);

export async function openWorkload(): Promise<Workload> {
  const dir = await mkdtemp(join(tmpdir(), 'firma-bench-'));
  const config = join(dir, 'firma.toml');
  const stateDir = join(dir, 'state');
  await writeFile(join(dir, 'policies.cedar'), TEN_POLICIES);
  await writeFile(config, CONFIG);
  await trust(config, stateDir);
  const firma = await openFirma({ config, stateDir });
  return {
    firma,
    async callers(count) {
      const callers: Caller[] = [];
      for (let index = 0; index < count; index++) {
        const issued = await firma.parts.authority.issue({
          agent: 'bench',
          groups: ['benches'],
          actions: ['code.*', 'issue.*', 'payment.*'],
          scope: ['*'],
          ttlS: 3600,
        });
        callers.push({ token: issued.token });
      }
      return callers;
    },
    async close() {
      await firma.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A bench that times a wrong answer times nothing. */
export function assertAllowed(decision: Decision): void {
  if (decision.outcome !== 'ALLOW') {
    throw new Error(`the measured call was not allowed: ${decision.reason}: ${decision.detail}`);
  }
}
