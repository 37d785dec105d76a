import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../native-free-core/audit/base64.ts';
import { isOrigin, openCheckpoint, signCheckpoint } from '../../native-free-core/audit/checkpoint.ts';
import {
  formatVerifierKey,
  makeVerifierKey,
  openNote,
  parseVerifierKey,
  signNote,
} from '../../native-free-core/audit/signed-note.ts';
import { LogInvalid } from '../../native-free-core/errors.ts';
import { sha256 } from './node-hash.ts';
import { makeSigner, verifySignature } from './sample-log.ts';

const signer = makeSigner('example.test/log');
const checkpoint = {
  origin: 'example.test/log',
  size: 7,
  root: Uint8Array.from(sha256(Buffer.from('root'))),
};

describe('a verifier key', () => {
  it('reads back from its text', () => {
    expect(parseVerifierKey(formatVerifierKey(signer.key), sha256)).toEqual(signer.key);
  });

  it('has the text form others read: the key published by the Go checksum database', () => {
    const text = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8';
    expect(formatVerifierKey(parseVerifierKey(text, sha256))).toBe(text);
  });

  it.each([
    ['nothing', ''],
    ['another hash', formatVerifierKey(signer.key).replace(signer.key.hash, '00000000')],
    ['no name', formatVerifierKey(signer.key).replace(signer.key.name, '')],
    ['another algorithm', `x+00000000+${encodeBase64(Buffer.alloc(33, 2))}`],
    ['a short key', `x+00000000+${encodeBase64(Buffer.alloc(12, 1))}`],
    ['broken base64', `x+00000000+${'A'.repeat(43)}`],
    ['a very long text', `x+00000000+${'A'.repeat(100_000)}`],
  ])('refuses %s', (_name, text) => {
    expect(() => parseVerifierKey(text, sha256)).toThrow(LogInvalid);
  });

  it('has a name that cannot break a note', () => {
    for (const name of ['', 'a b', 'a+b', 'a\nb', 'a\u2003b', 'x'.repeat(300)]) {
      expect(() => makeVerifierKey(name, new Uint8Array(32), sha256)).toThrow(LogInvalid);
    }
  });
});

describe('a checkpoint', () => {
  it('has the form of C2SP tlog-checkpoint', async () => {
    const note = await signCheckpoint(checkpoint, signer);
    const [origin, size, root, empty, signature, end] = note.split('\n');
    expect([origin, size, root, empty, end]).toEqual([
      'example.test/log',
      '7',
      Buffer.from(checkpoint.root).toString('base64'),
      '',
      '',
    ]);
    expect(signature).toMatch(/^\u2014 example\.test\/log [A-Za-z0-9+/]{91}=$/);
  });

  it('opens with its key only', async () => {
    const note = await signCheckpoint(checkpoint, signer);
    expect(await openCheckpoint(note, signer.key, verifySignature)).toEqual({ ok: true, checkpoint });
    for (const name of ['example.test/log', 'another']) {
      const opened = await openCheckpoint(note, makeSigner(name).key, verifySignature);
      expect(opened.ok).toBe(false);
    }
  });

  it('fails with any character changed', async () => {
    const note = await signCheckpoint(checkpoint, signer);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: note.length - 1 }), fc.integer({ min: 1, max: 127 }), async (at, by) => {
        const changed = String.fromCharCode(note.charCodeAt(at) ^ by);
        const opened = await openCheckpoint(
          note.slice(0, at) + changed + note.slice(at + 1),
          signer.key,
          verifySignature,
        );
        expect(opened.ok).toBe(false);
      }),
      { numRuns: 400 },
    );
  });

  it('may carry signatures of others, as long as ours is good', async () => {
    const note = await signCheckpoint(checkpoint, signer);
    const [, other = ''] = (await signCheckpoint(checkpoint, makeSigner('witness'))).split('\n\n');
    expect((await openCheckpoint(note + other, signer.key, verifySignature)).ok).toBe(true);
    const onlyOther = note.slice(0, note.indexOf('\n\n') + 2) + other;
    expect((await openCheckpoint(onlyOther, signer.key, verifySignature)).ok).toBe(false);
    const many = note + other.repeat(50);
    expect((await openCheckpoint(many, signer.key, verifySignature)).ok).toBe(false);
  });

  it.each([
    ['a size with a leading zero', 'log\n07\nROOT\n'],
    ['a negative size', 'log\n-7\nROOT\n'],
    ['a size beyond safe integers', 'log\n9007199254740993\nROOT\n'],
    ['no origin', '\n7\nROOT\n'],
    ['a short root', 'log\n7\nAAAA\n'],
    ['a root in another spelling', 'log\n7\nROOT=\n'],
    ['an empty extension', 'log\n7\nROOT\n\nmore\n'],
    ['two lines', 'log\n7\n'],
  ])('refuses %s, although it is signed', async (_name, text) => {
    const note = await signNote(text.replace('ROOT', encodeBase64(checkpoint.root)), signer);
    expect((await openNote(note, signer.key, verifySignature)).ok).toBe(true);
    expect((await openCheckpoint(note, signer.key, verifySignature)).ok).toBe(false);
  });

  it('is of an origin on one line', () => {
    expect(['log', 'a log/1', '', 'a\nb', 'x'.repeat(300)].map((text) => isOrigin(text))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('base64', () => {
  it('agrees with the platform and has one spelling for one value', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(decodeBase64(text)).toEqual(bytes);
      }),
    );
    for (const text of ['A', 'AA', 'AAA', '====', 'AA==AA==', 'AB==', 'AAB=', 'A A=', 'AA-_', 'AAAA\n']) {
      expect(decodeBase64(text)).toBeUndefined();
    }
  });
});
