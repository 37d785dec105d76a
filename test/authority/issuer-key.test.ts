import { generateKeyPairSync } from 'node:crypto';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, it } from 'vitest';
import { IssuerKey } from '../../src/authority/issuer-key.ts';
import { tempDir } from './open.ts';

describe("the Authority's key", () => {
  it('is made once, for its owner alone, and named by its RFC 7638 thumbprint', async () => {
    const file = join(await tempDir(), 'authority', 'issuer.jwk');
    const first = await IssuerKey.open(file);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const second = await IssuerKey.open(file);
    expect(second.publicJwk).toEqual(first.publicJwk);
    expect(first.kid).toBe(await calculateJwkThumbprint({ ...first.publicJwk }));
    expect(Object.keys(first.publicJwk)).not.toContain('d');
    const bytes = Buffer.from('x');
    expect(second.verify(bytes, first.sign(bytes))).toBe(true);
    expect(second.verify(Buffer.from('y'), first.sign(bytes))).toBe(false);
  });

  it('is not used where the file is no such key, and the message does not quote it', async () => {
    const file = join(await tempDir(), 'issuer.jwk');
    await IssuerKey.open(file);
    const good = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
    const stranger = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
    const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
    const { d, ...publicOnly } = good;
    for (const content of [
      '',
      'null',
      '{',
      JSON.stringify(publicOnly),
      JSON.stringify({ ...good, x: stranger.x }),
      JSON.stringify(p256),
      JSON.stringify(good).slice(0, -10),
    ]) {
      await writeFile(file, content);
      const error: unknown = await IssuerKey.open(file).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'STATE_UNUSABLE', at: { file } });
      expect(String(error)).not.toContain(d);
    }
  });

  it('is not used where others can read it', async () => {
    const file = join(await tempDir(), 'issuer.jwk');
    await IssuerKey.open(file);
    await chmod(file, 0o644);
    await expect(IssuerKey.open(file)).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  });
});
