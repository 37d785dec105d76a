import { describe, expect, it } from 'vitest';
import { TrustedPeers } from '../../src/ingress/trusted.ts';

describe('trusted peers', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.255.0.1', true],
    ['128.0.0.1', false],
    ['::ffff:127.0.0.1', true],
    ['0000:0000:0000:0000:0000:ffff:7f00:0001', true],
    ['::ffff:10.0.0.1', false],
    ['fd00::1', true],
    ['fd00:0000:0000:0000:0000:0000:0000:0001', true],
    ['fe00::1', false],
    ['', false],
    ['localhost', false],
  ])('%s is one: %s', (address, isTrusted) => {
    const peers = new TrustedPeers(['127.0.0.0/8', 'fd00::/8']);
    expect(peers.has(address)).toBe(isTrusted);
    expect(peers.has(address)).toBe(isTrusted);
  });

  it('are none by default', () => {
    expect(new TrustedPeers([]).has('127.0.0.1')).toBe(false);
  });
});
