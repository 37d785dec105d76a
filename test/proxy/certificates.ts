import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CertificateAuthority, openCertificateAuthority } from '../../src/proxy/ca.ts';

const HOUR_MS = 3_600_000;

/** An empty directory, and what removes it. */
export async function temporaryDir(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'firma-proxy-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Key and certificate of a server, for `tls.createServer`. */
export async function serverIdentity(
  ca: CertificateAuthority,
  host: string,
): Promise<{ key: string; cert: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const validity = { fromMs: Date.now() - HOUR_MS, toMs: Date.now() + HOUR_MS };
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: await ca.signLeaf(host, publicKey, validity),
  };
}

export { openCertificateAuthority };
