import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseVerifierKey, StateUnusable } from '@firma/core';
import { describe, expect, it } from 'vitest';
import { sha256, verifyEd25519 } from '../../src/store/ed25519.ts';
import { loadSigningKey, verifierKeyPath } from '../../src/store/signing-key.ts';
import { scratchDir } from './scratch-dir.ts';

describe('loadSigningKey', () => {
  it('makes a key at first use and finds it again; the public half verifies what it signs', async () => {
    const keyFile = join(scratchDir(), 'keys', 'log.key');
    const made = await loadSigningKey(keyFile, 'sidecar');
    const found = await loadSigningKey(keyFile, 'another-name');
    expect(found.key).toEqual(made.key);
    expect(found.key.name).toBe('sidecar');
    const published = parseVerifierKey(readFileSync(verifierKeyPath(keyFile), 'utf8').trim(), sha256);
    const message = Buffer.from('message');
    const signature = await found.sign(message);
    expect(verifyEd25519(published.publicKey, message, signature)).toBe(true);
    expect(verifyEd25519(published.publicKey, Buffer.from('massage'), signature)).toBe(false);
  });

  it('keeps the key to its owner and shows the public half to all', async () => {
    const keyFile = join(scratchDir(), 'log.key');
    await loadSigningKey(keyFile, 'sidecar');
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(statSync(verifierKeyPath(keyFile)).mode & 0o777).toBe(0o644);
  });

  it('refuses a key that others can read', async () => {
    const keyFile = join(scratchDir(), 'log.key');
    await loadSigningKey(keyFile, 'sidecar');
    chmodSync(keyFile, 0o644);
    await expect(loadSigningKey(keyFile, 'sidecar')).rejects.toThrow(StateUnusable);
  });

  it('refuses a file that is no key, and quotes nothing of it', async () => {
    const keyFile = join(scratchDir(), 'log.key');
    await loadSigningKey(keyFile, 'sidecar');
    const text = readFileSync(keyFile, 'utf8');
    for (const broken of ['secret words', text.slice(0, -9), text.replace('+KEY+sidecar', '+KEY+other')]) {
      writeFileSync(keyFile, broken);
      const failure = await loadSigningKey(keyFile, 'sidecar').catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(StateUnusable);
      expect(String(failure)).not.toContain(broken.trim().slice(-20));
    }
  });
});

describe('verifyEd25519', () => {
  it('answers false for a key or a signature that is none', () => {
    expect(verifyEd25519(new Uint8Array(3), new Uint8Array(0), new Uint8Array(64))).toBe(false);
    expect(verifyEd25519(new Uint8Array(32), new Uint8Array(0), new Uint8Array(1))).toBe(false);
  });
});
