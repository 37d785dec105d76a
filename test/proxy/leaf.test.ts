import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CertificateAuthority } from '../../src/proxy/ca.ts';
import { LeafCache } from '../../src/proxy/leaf.ts';
import { openCertificateAuthority, temporaryDir } from './certificates.ts';

const DAY_MS = 86_400_000;

let dir: Awaited<ReturnType<typeof temporaryDir>>;
let ca: CertificateAuthority;

beforeEach(async () => {
  dir = await temporaryDir();
  ca = await openCertificateAuthority(dir.path);
});

afterEach(() => dir.remove());

describe('the leaf cache', () => {
  it('signs once a host, however often it is asked', async () => {
    const leaves = new LeafCache(ca);
    const first = await leaves.contextFor('a.test');
    for (let i = 0; i < 100; i += 1) expect(await leaves.contextFor('a.test')).toBe(first);
    expect(await leaves.contextFor('b.test')).not.toBe(first);
    expect(leaves.signed).toBe(2);
  });

  it('signs once for calls that come at the same time', async () => {
    const leaves = new LeafCache(ca);
    const contexts = await Promise.all(Array.from({ length: 50 }, () => leaves.contextFor('a.test')));
    expect(new Set(contexts).size).toBe(1);
    expect(leaves.signed).toBe(1);
  });

  it('tells everybody who waits that signing failed, and signs for the next', async () => {
    let fails = true;
    const failing: CertificateAuthority = {
      ...ca,
      signLeaf: (...args) => (fails ? Promise.reject(new Error('planted')) : ca.signLeaf(...args)),
    };
    const leaves = new LeafCache(failing);
    const both = await Promise.allSettled([leaves.contextFor('a.test'), leaves.contextFor('a.test')]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect([leaves.signed, leaves.size]).toEqual([1, 0]);
    fails = false;
    await expect(leaves.contextFor('a.test')).resolves.toBeDefined();
    expect([leaves.signed, leaves.size]).toEqual([2, 1]);
  });

  it('holds no more than it may, and lets go of what was used longest ago', async () => {
    const leaves = new LeafCache(ca, { maxLeaves: 3 });
    const kept = await leaves.contextFor('kept.test');
    for (let i = 0; i < 20; i += 1) {
      await leaves.contextFor(`h${i}.test`);
      expect(await leaves.contextFor('kept.test')).toBe(kept);
    }
    expect(leaves.size).toBe(3);
  });

  it('renews a certificate before it ends', async () => {
    let nowMs = Date.now();
    const leaves = new LeafCache(ca, { now: () => nowMs });
    const first = await leaves.contextFor('a.test');
    nowMs += 5 * DAY_MS;
    expect(await leaves.contextFor('a.test')).toBe(first);
    nowMs += 1.5 * DAY_MS;
    expect(await leaves.contextFor('a.test')).not.toBe(first);
    expect(leaves.size).toBe(1);
  });
});
