import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { StateUnusable } from '@firma/core';
import { loadOrCreateKeyFile } from '../config/key-file.ts';
import type { SignLeaf } from './certificate.ts';

const DAY_MS = 86_400_000;
const ROOT_LIFETIME_MS = 3650 * DAY_MS;
/** Agents whose clock is behind still accept what was signed just now. */
const CLOCK_SLACK_MS = DAY_MS;

/** The certificate authority agents trust: it signs the certificates that TLS interception shows them. */
export interface CertificateAuthority {
  /** Its own certificate, PEM. */
  readonly certificatePem: string;
  /** Where that certificate stands on disk: what an agent's environment may point to. */
  readonly certificateFile: string;
  /** The system's roots and ours, PEM: for variables that replace the list of roots (`SSL_CERT_FILE`). */
  caBundle(): string;
  /** A server certificate for a host; it never outlives the authority. */
  readonly signLeaf: SignLeaf;
}

/** INVARIANT: one file holds the key and its certificate, so that no crash leaves one without the other. */
async function createRoot(nowMs: number): Promise<string> {
  const { makeRoot } = await import('./certificate.ts');
  return makeRoot({ fromMs: nowMs - CLOCK_SLACK_MS, toMs: nowMs + ROOT_LIFETIME_MS });
}

function parseRoot(
  text: string,
  file: string,
  nowMs: number,
): { privateKey: KeyObject; certificate: X509Certificate } {
  const advice = `remove it and start again: agents must then trust the new \`ca.pem\``;
  let privateKey: KeyObject;
  let certificate: X509Certificate;
  try {
    privateKey = createPrivateKey(text);
    certificate = new X509Certificate(text.slice(text.indexOf('-----BEGIN CERTIFICATE-----')));
  } catch {
    throw new StateUnusable(`holds no private key with its certificate; ${advice}`, { file });
  }
  if (!certificate.ca || !certificate.checkPrivateKey(privateKey))
    throw new StateUnusable(`holds a certificate that is not of its key; ${advice}`, { file });
  if (Date.parse(certificate.validTo) <= nowMs) {
    throw new StateUnusable(`holds a certificate that ended on ${certificate.validTo}; ${advice}`, { file });
  }
  return { privateKey, certificate };
}

async function publish(path: string, text: string): Promise<void> {
  const present = await readFile(path, 'utf8').catch(() => undefined);
  if (present === text) return;
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, text, { mode: 0o644 });
  await rename(draft, path);
}

/**
 * Opens `<stateDir>/ca`, making the authority (ECDSA P-256, path length 0, ten years) at the first start.
 *
 * `ca.key` (0600) holds key and certificate; `ca.pem` is the certificate for others to read, written again where it
 * is absent or differs.
 *
 * @throws StateUnusable where the key file is unreadable, readable by others, broken, or its certificate ended
 */
export async function openCertificateAuthority(
  stateDir: string,
  nowMs = Date.now(),
): Promise<CertificateAuthority> {
  const keyFile = join(stateDir, 'ca', 'ca.key');
  const certificateFile = join(stateDir, 'ca', 'ca.pem');
  const text = await loadOrCreateKeyFile(keyFile, () => createRoot(nowMs));
  const { privateKey, certificate } = parseRoot(text, keyFile, nowMs);
  const certificatePem = certificate.toString();
  const endMs = Date.parse(certificate.validTo);
  await publish(certificateFile, certificatePem);
  let signer: Promise<SignLeaf> | undefined;
  const openSigner = async (): Promise<SignLeaf> =>
    (await import('./certificate.ts')).openSigner(privateKey, certificatePem);
  return {
    certificatePem,
    certificateFile,
    caBundle: () =>
      [...rootCertificates.map((root) => root.trimEnd()), certificatePem.trimEnd(), ''].join('\n'),
    async signLeaf(host, publicKey, { fromMs, toMs }) {
      signer ??= openSigner();
      return (await signer)(host, publicKey, { fromMs, toMs: Math.min(toMs, endMs) });
    },
  };
}
