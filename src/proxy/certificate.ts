// Loads slowly, and most starts need no certificate: imported where one is about to be made, never at the top of a file.
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { createHash, KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256' };

/** Unix milliseconds; certificates carry whole seconds. */
export interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Makes a server certificate for one host name or IP literal, which stands in its subject alternative name. PEM.
 *
 * @param host lower-case A-label or an address without brackets, IPv6 in hexadecimal throughout
 */
export type SignLeaf = (host: string, publicKey: KeyObject, validity: Validity) => Promise<string>;

/** The first 20 octets of SHA-256 over the SubjectPublicKeyInfo, hexadecimal (RFC 7093 §2 allows any such method). */
function keyIdOf(spki: Buffer): string {
  return createHash('sha256').update(spki).digest('hex').slice(0, 40);
}

function spkiOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

/**
 * A new authority that may sign leaves and nothing else (RFC 5280, ECDSA P-256, path length 0): its private key and
 * its self-signed certificate, PEM, one after the other.
 */
export async function makeRoot({ fromMs, toMs }: Validity): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify']);
  const keyId = keyIdOf(spkiOf(KeyObject.from(keys.publicKey)));
  const certificate = await X509CertificateGenerator.createSelfSigned({
    keys,
    // The name differs with the key, so that a client that trusts two of ours picks the right one.
    name: [{ CN: [`firma interception CA ${keyId.slice(0, 8)}`] }],
    notBefore: new Date(fromMs),
    notAfter: new Date(toMs),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new SubjectKeyIdentifierExtension(keyId),
      new AuthorityKeyIdentifierExtension(keyId),
    ],
  });
  const privateKey = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return `${privateKey.toString()}${pemOf(certificate)}`;
}

/** What signs leaves for an authority: its private key on P-256 and its certificate, PEM. */
export async function openSigner(privateKey: KeyObject, certificatePem: string): Promise<SignLeaf> {
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const signingKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, ECDSA_P256, false, ['sign']);
  const issuer = new X509Certificate(certificatePem);
  const issuerKeyId = keyIdOf(Buffer.from(issuer.publicKey.rawData));
  return async (host, publicKey, { fromMs, toMs }) => {
    const spki = spkiOf(publicKey);
    const type = isIP(host) === 0 ? 'dns' : 'ip';
    const certificate = await X509CertificateGenerator.create({
      signingKey,
      publicKey: spki,
      issuer: issuer.subjectName,
      // A common name has at most 64 characters (RFC 5280, ub-common-name), and nobody matches it any more.
      subject: [{ CN: [host.length <= 64 ? host : 'firma'] }],
      notBefore: new Date(fromMs),
      notAfter: new Date(toMs),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([{ type, value: host }]),
        new SubjectKeyIdentifierExtension(keyIdOf(spki)),
        new AuthorityKeyIdentifierExtension(issuerKeyId),
      ],
    });
    return pemOf(certificate);
  };
}
