import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Closers } from '../../closers.ts';
import { trust } from '../../config/trust.ts';
import { openCertificateAuthority } from '../../proxy/ca.ts';
import { startSidecar, type SidecarHandle } from '../../run/sidecar-child.ts';
import { controlClient } from '../../session/control-client.ts';
import { MAX_CALLS } from './steps.ts';
import { HOSTS, startUpstreams, type Upstreams } from './upstreams.ts';

/** What the demo plays in: stand-ins for public APIs, a sidecar in a process of its own, made-up credentials. */
export interface World {
  readonly upstreams: Upstreams;
  readonly sidecar: SidecarHandle;
  readonly configFile: string;
  readonly stateDir: string;
  /** For what the demo itself writes; gone at the end. */
  readonly scratch: string;
  readonly secrets: { readonly github: string; readonly stripe: string };
  /** Process ids of the sidecar, its writer and its broker. */
  processes(): Promise<number[]>;
  close(): Promise<void>;
}

function configText(port: number, caFile: string): string {
  const overrides = HOSTS.map(
    (host) =>
      `[[sidecar.upstream.overrides]]\nfrom = "${host}:443"\nto = "127.0.0.1:${port}"\nca = ${JSON.stringify(caFile)}\n`,
  );
  return `
[sidecar]
id = "demo"
audience = "demo"

[[sidecar.budgets]]
name = "reads"
match = ["code.read"]
max_calls = ${MAX_CALLS}
on_exceed = "abort"

[credentials.github]
bind = ["api.github.com"]
source = "env:FIRMA_DEMO_GITHUB_TOKEN"

[credentials.stripe]
bind = ["api.stripe.com"]
source = "env:FIRMA_DEMO_STRIPE_KEY"

${overrides.join('\n')}`;
}

function processesOf(status: unknown): number[] {
  if (typeof status !== 'object' || status === null || !('processes' in status)) return [];
  const { processes } = status;
  return Array.isArray(processes) ? processes.filter((pid) => typeof pid === 'number') : [];
}

/** @param stateDir where state and log stay; a temporary directory where undefined */
export async function openWorld(stateDir: string | undefined): Promise<World> {
  const closers = new Closers();
  try {
    const scratch = await mkdtemp(join(tmpdir(), 'firma-demo-'));
    closers.add(() => rm(scratch, { recursive: true, force: true }));
    const state = stateDir ?? join(scratch, 'state');
    const upstreamState = join(scratch, 'upstreams');
    await mkdir(upstreamState, { mode: 0o700 });
    const upstreamCa = await openCertificateAuthority(upstreamState);
    const upstreams = await startUpstreams(upstreamCa);
    closers.add(() => upstreams.close());

    const configFile = join(scratch, 'firma.toml');
    await writeFile(configFile, configText(upstreams.port, upstreamCa.certificateFile));
    await trust(configFile, state);

    const secrets = {
      github: `made-up-${randomBytes(12).toString('hex')}`,
      stripe: `made-up-${randomBytes(12).toString('hex')}`,
    };
    const sidecar = await startSidecar({
      configPath: configFile,
      stateDir: state,
      env: {
        ...process.env,
        FIRMA_DEMO_GITHUB_TOKEN: secrets.github,
        FIRMA_DEMO_STRIPE_KEY: secrets.stripe,
      },
    });
    closers.add(() => sidecar.stop());
    return {
      upstreams,
      sidecar,
      configFile,
      stateDir: state,
      scratch,
      secrets,
      processes: async () => processesOf(await controlClient(sidecar.info.control).status()),
      close: () => closers.close(),
    };
  } catch (error) {
    await closers.close();
    throw error;
  }
}
