import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startUpstreams, type Upstreams } from '../../src/cli/demo/upstreams.ts';
import { openCertificateAuthority } from '../../src/proxy/ca.ts';
import { type Finished, firma } from '../cli/firma.ts';
import { makeLastingDir } from '../config/place.ts';

/** A directory with a trusted `firma.toml` whose overrides lead to stand-ins on loopback, and the command line in it. */
export interface Place {
  readonly root: string;
  readonly stateDir: string;
  readonly configFile: string;
  readonly upstreams: Upstreams;
  readonly secret: string;
  firma(...args: readonly string[]): Promise<Finished>;
  /** Run directories, oldest first. */
  runs(): string[];
  close(): Promise<void>;
}

const HOSTS = ['api.github.com', 'api.stripe.com', 'paste.rs'];

/** @param more appended to the configuration before it is trusted */
export async function openPlace(more = ''): Promise<Place> {
  const { root, remove } = makeLastingDir({});
  const upstreamState = join(root, 'upstreams');
  mkdirSync(upstreamState, { mode: 0o700 });
  const ca = await openCertificateAuthority(upstreamState);
  const upstreams = await startUpstreams(ca);
  const configFile = join(root, 'firma.toml');
  const stateDir = join(root, 'state');
  const secret = 'made-up-credential-of-a-test';
  const overrides = HOSTS.map(
    (host) =>
      `[[sidecar.upstream.overrides]]\nfrom = "${host}:443"\nto = "127.0.0.1:${upstreams.port}"\nca = "${ca.certificateFile}"\n`,
  );
  writeFileSync(
    configFile,
    `[sidecar]\nid = "e2e"\n[credentials.github]\nbind = ["api.github.com"]\nsource = "env:E2E_TOKEN"\n${overrides.join('')}`,
  );
  appendFileSync(configFile, more);
  const run = (...args: readonly string[]): Promise<Finished> =>
    firma(args, { cwd: root, env: { FIRMA_STATE_DIR: stateDir, E2E_TOKEN: secret, HOME: root } });
  const trusted = await run('trust');
  if (trusted.code !== 0) throw new Error(trusted.err);
  return {
    root,
    stateDir,
    configFile,
    upstreams,
    secret,
    firma: run,
    runs: () =>
      readdirSync(join(stateDir, 'runs'))
        .sort()
        .map((name) => join(stateDir, 'runs', name)),
    async close() {
      await upstreams.close();
      remove();
    },
  };
}
