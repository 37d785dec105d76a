import { execFile, execFileSync, type StdioOptions } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entryPoint } from '../../src/entry-point.ts';
import { openCertificateAuthority } from '../../src/proxy/ca.ts';
import { describeTools } from '../tools.ts';
import { serverIdentity, temporaryDir } from './certificates.ts';

let dir: Awaited<ReturnType<typeof temporaryDir>>;

beforeEach(async () => {
  dir = await temporaryDir();
});

afterEach(() => dir.remove());

describe('the certificate authority', () => {
  it('is made once, with a private key file and a certificate that may only sign leaves', async () => {
    const first = await openCertificateAuthority(dir.path);
    const second = await openCertificateAuthority(dir.path);
    expect(second.certificatePem).toBe(first.certificatePem);
    expect((await stat(join(dir.path, 'ca/ca.key'))).mode & 0o777).toBe(0o600);
    expect(await readFile(first.certificateFile, 'utf8')).toBe(first.certificatePem);

    const root = new X509Certificate(first.certificatePem);
    expect(root.ca).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(root.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(Date.parse(root.validTo) - Date.now()).toBeGreaterThan(9 * 365 * 86_400_000);
  });

  it('is the same for two processes that start at once', async () => {
    const both = await Promise.all([openCertificateAuthority(dir.path), openCertificateAuthority(dir.path)]);
    expect(both[0].certificatePem).toBe(both[1].certificatePem);
  });

  it('writes its certificate again where a crash left none or a broken one', async () => {
    const { certificateFile, certificatePem } = await openCertificateAuthority(dir.path);
    await rm(certificateFile);
    expect((await openCertificateAuthority(dir.path)).certificatePem).toBe(certificatePem);
    await writeFile(certificateFile, certificatePem.slice(0, 100));
    await openCertificateAuthority(dir.path);
    expect(await readFile(certificateFile, 'utf8')).toBe(certificatePem);
  });

  it('refuses to start with a key that others can read, is broken, of another certificate, or ended', async () => {
    const keyFile = join(dir.path, 'ca/ca.key');
    await openCertificateAuthority(dir.path);
    const good = await readFile(keyFile, 'utf8');
    const refusal = { code: 'STATE_UNUSABLE', message: expect.stringContaining('ca.key') as string };

    await chmod(keyFile, 0o644);
    await expect(openCertificateAuthority(dir.path)).rejects.toMatchObject(refusal);
    await chmod(keyFile, 0o600);

    await writeFile(keyFile, good.slice(0, 60));
    await expect(openCertificateAuthority(dir.path)).rejects.toMatchObject(refusal);

    const other = await temporaryDir();
    try {
      await openCertificateAuthority(other.path);
      const foreign = await readFile(join(other.path, 'ca/ca.pem'), 'utf8');
      await writeFile(keyFile, good.slice(0, good.indexOf('-----BEGIN CERTIFICATE')) + foreign);
      await expect(openCertificateAuthority(dir.path)).rejects.toMatchObject(refusal);
    } finally {
      await other.remove();
    }

    await writeFile(keyFile, good);
    const inElevenYears = Date.now() + 11 * 365 * 86_400_000;
    await expect(openCertificateAuthority(dir.path, inElevenYears)).rejects.toMatchObject(refusal);
  });

  it('gives a bundle of the system roots and its own certificate', async () => {
    const ca = await openCertificateAuthority(dir.path);
    const certificates =
      ca.caBundle().match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
    expect(certificates.length).toBeGreaterThan(100);
    expect(certificates.at(-1)).toBe(ca.certificatePem);
    expect(new X509Certificate(certificates[0] ?? '').ca).toBe(true);
  });
});

describe('a leaf certificate', () => {
  it.each([
    'api.example.com',
    'a_b.example',
    '192.0.2.7',
    '2001:db8::1',
    '::1',
    '::ffff:102:304',
    `${'a'.repeat(60)}.${'b'.repeat(60)}.example`,
  ])('is valid for %s and nothing else', async (host) => {
    const ca = await openCertificateAuthority(dir.path);
    const root = new X509Certificate(ca.certificatePem);
    const leaf = new X509Certificate((await serverIdentity(ca, host)).cert);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.ca).toBe(false);
    const matches = host.includes(':') || /^[0-9.]+$/.test(host) ? leaf.checkIP(host) : leaf.checkHost(host);
    expect(matches).toBeDefined();
    expect(leaf.checkHost('other.example.com')).toBeUndefined();
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  it('does not outlive its authority', async () => {
    const ca = await openCertificateAuthority(dir.path);
    const { publicKey } = new X509Certificate(ca.certificatePem);
    const century = Date.now() + 100 * 365 * 86_400_000;
    const leaf = new X509Certificate(
      await ca.signLeaf('a.example', publicKey, { fromMs: Date.now(), toMs: century }),
    );
    expect(leaf.validTo).toBe(new X509Certificate(ca.certificatePem).validTo);
  });
});

describeTools('openssl', ['openssl'], () => {
  it('finds nothing wrong with a leaf under its strict checks', async () => {
    const ca = await openCertificateAuthority(dir.path);
    const verify = async (host: string, ...expected: readonly string[]): Promise<string> => {
      const leafFile = join(dir.path, 'leaf.pem');
      await writeFile(leafFile, (await serverIdentity(ca, host)).cert);
      const strict = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca.certificateFile];
      const stdio: StdioOptions = ['ignore', 'pipe', 'ignore'];
      return execFileSync('openssl', [...strict, ...expected, leafFile], { encoding: 'utf8', stdio });
    };
    expect(await verify('api.example.com', '-verify_hostname', 'api.example.com')).toContain('OK');
    expect(await verify('2001:db8::1', '-verify_ip', '2001:db8::1')).toContain('OK');
    await expect(verify('api.example.com', '-verify_hostname', 'www.example.com')).rejects.toThrow('Command');
    await expect(verify('192.0.2.7', '-verify_ip', '192.0.2.8')).rejects.toThrow('Command');
  });
});

const SCRIPT = `
const [, file, dir] = process.argv;
const { openCertificateAuthority } = await import(file);
const { generateKeyPairSync, X509Certificate } = await import('node:crypto');
let refused = false;
try { eval('1'); } catch { refused = true; }
const ca = await openCertificateAuthority(dir);
const loaded = 'defineMetadata' in Reflect;
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const leaf = await ca.signLeaf('a.example', publicKey, { fromMs: Date.now(), toMs: Date.now() + 1000 });
const root = new X509Certificate(ca.certificatePem);
console.log(JSON.stringify({ refused, loaded, verified: new X509Certificate(leaf).verify(root.publicKey) }));
`;

describe('in a process that makes no code from strings', () => {
  it('the authority is made and signs; opened again, it loads nothing for it before the first leaf', async () => {
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', SCRIPT];
    const run = async (): Promise<unknown> => {
      const args = [...flags, entryPoint('proxy/ca.js'), dir.path];
      const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
      expect(stderr).toBe('');
      return JSON.parse(stdout);
    };
    expect(await run()).toEqual({ refused: true, loaded: true, verified: true });
    expect(await run()).toEqual({ refused: true, loaded: false, verified: true });
  });
});
