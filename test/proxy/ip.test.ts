import { assert, integer, ipV4, ipV6, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressBytes, isGloballyReachable, parsePrefix, prefixHolds } from '../../src/proxy/ip.ts';

function reachable(text: string): boolean {
  const bytes = addressBytes(text);
  if (bytes === undefined) throw new Error(`${text} is no address`);
  return isGloballyReachable(bytes);
}

describe('a globally reachable address', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00::1',
    '2001:4860:4860::8888',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
  ])('%s', (text) => expect(reachable(text)).toBe(true));
});

describe('an address that nobody else may reach', () => {
  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.0',
    '10.255.255.255',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::8.8.8.8',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::ffff:0:8.8.8.8',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::8.8.8.8',
    '100::1',
    '2001::1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2001:2::1',
    '2001:10::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:808:808::1',
    '3fff::1',
    '4000::1',
    '5f00::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
  ])('%s', (text) => expect(reachable(text)).toBe(false));

  it('is the same in every spelling of an IPv6 address', () => {
    assert(
      property(ipV6(), (text) => {
        const bytes = addressBytes(text);
        const other = new URL(`http://[${text}]/`).hostname.slice(1, -1);
        expect(bytes).toHaveLength(16);
        expect(addressBytes(other)).toEqual(bytes);
      }),
    );
  });

  it('is what an IPv4 address is, also where it is mapped', () => {
    assert(
      property(ipV4(), (text) => {
        expect(reachable(`::ffff:${text}`)).toBe(reachable(text));
        expect(reachable(`64:ff9b::${text}`)).toBe(reachable(text));
      }),
    );
  });
});

describe('a prefix', () => {
  it('holds what shares its bits, and nothing of the other version', () => {
    assert(
      property(ipV4(), ipV4(), integer({ min: 0, max: 32 }), (a, b, bits) => {
        const [x, y] = [addressBytes(a), addressBytes(b)].map((bytes) =>
          [...(bytes ?? [])].map((octet) => octet.toString(2).padStart(8, '0')).join(''),
        );
        const prefix = parsePrefix(`${a}/${bits}`);
        if (prefix === undefined) throw new Error('no prefix');
        expect(prefixHolds(prefix, addressBytes(b) ?? new Uint8Array())).toBe(
          x?.slice(0, bits) === y?.slice(0, bits),
        );
        expect(prefixHolds(prefix, new Uint8Array(16))).toBe(false);
      }),
    );
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '::/129',
    'x/8',
    '10.0.0.0/-1',
    '10.0.0/8',
    '10.0.0.0/8/8',
  ])('is not read from %j', (text) => expect(parsePrefix(text)).toBeUndefined());
});
