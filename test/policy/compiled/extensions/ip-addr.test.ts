import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { call, counterexample, disagreements, garbled, misread, type Term } from './oracle.ts';

const METHODS = ['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'];

const TAKEN = [
  '0.0.0.0',
  '0.0.0.0/0',
  '255.255.255.255',
  '255.255.255.255/32',
  '1.2.3.4',
  '1.2.3.4/32',
  '1.2.3.4/31',
  '10.0.0.0/8',
  '10.0.0.1/8',
  '10.255.255.255/9',
  '127.0.0.1',
  '127.255.255.255/8',
  '127.0.0.1/7',
  '126.255.255.255',
  '128.0.0.0',
  '224.0.0.0/4',
  '224.0.0.0/3',
  '239.255.255.255',
  '240.0.0.0',
  '223.255.255.255',
  '::',
  '::/0',
  '::1',
  '::1/128',
  '::1/127',
  '::2',
  '1::',
  '1::1',
  '1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7::',
  '::2:3:4:5:6:7:8',
  '1:2:3::5:6:7:8',
  '0:0:0:0:0:0:0:1',
  '0000:0000:0000:0000:0000:0000:0000:0001',
  'ABCD:EF01:2345:6789:abcd:ef01:2345:6789',
  'ABCD:EF01:2345:6789:ABCD:EF01:2345:6789/128',
  '::ffff:7f00:1',
  'ff00::',
  'ff02::1',
  'ff00::/8',
  'ff00::/7',
  'fe00::',
  'feff:ffff::',
  '2001:db8::/32',
  '2001:db8:0:1::/33',
  '2001:db8:8000::/33',
  '2001:db8::/99',
];

const EDGES = [
  '0.0.0.0',
  '0.0.0.0/0',
  '10.0.0.0/8',
  '10.0.0.1/8',
  '10.255.255.255/9',
  '10.0.0.1',
  '10.0.0.1/32',
  '10.0.0.0/31',
  '::',
  '::/0',
  '::1',
  '0:0::1/128',
  '::a00:1',
  '2001:db8::/32',
  '2001:DB8:0:1::/33',
  '2001:db8:8000::/33',
  '2001:db8::/99',
];

const REFUSED = [
  '',
  '/',
  '/8',
  '.',
  '...',
  '1',
  '1.2',
  '1.2.3',
  '1.2.3.',
  '1.2.3.4.',
  '.1.2.3.4',
  '1..3.4',
  '1.2.3.4.5',
  '256.0.0.0',
  '1.2.3.256',
  '1.2.3.1000',
  '01.2.3.4',
  '1.2.3.04',
  '1.2.3.00',
  '0x7f.0.0.1',
  '127.1',
  '2130706433',
  '+1.2.3.4',
  '1.2.3.-4',
  ' 1.2.3.4',
  '1.2.3.4 ',
  '1.2.3.4\n',
  '1.2.3.4:80',
  '1.2.3.4/',
  '1.2.3.4/33',
  '1.2.3.4/032',
  '1.2.3.4/08',
  '1.2.3.4/00',
  '1.2.3.4/000',
  '1.2.3.4/100',
  '1.2.3.4/-1',
  '1.2.3.4/+8',
  '1.2.3.4/ 8',
  '1.2.3.4/8 ',
  '1.2.3.4/8/8',
  '1.2.3.4//8',
  '1.2.3.4/255.0.0.0',
  '1.2.3.*',
  ':',
  ':::',
  '::1::',
  '1::2::3',
  ':1',
  '1:',
  ':1::',
  '::1:',
  '1:::2',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:',
  '1:2:3:4:5:6:7:8:',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '::1:2:3:4:5:6:7:8',
  '1:2:3:4::5:6:7:8',
  '12345::',
  '::00001',
  '::g',
  '[::1]',
  '[::1]:80',
  '::1%eth0',
  'fe80::1%1',
  '::1/129',
  '::1/',
  '::1/0128',
  '::1/064',
  '::1/256',
  '::1/300',
  '::1/1000',
  '::ffff:192.168.0.1',
  '::127.0.0.1',
  '::ffff:192.168.0.1/96',
  '1:2:3:4:5:6:1.2.3.4',
  '64:ff9b::1.2',
  'ABCD:EF01:2345:6789:ABCD:EF01:2345:6789/0128',
  '0000:0000:0000:0000:0000:0000:0000:00001',
  `1.2.3.4/${'0'.repeat(40)}8`,
  '\u0661.2.3.4',
  '\uff11.2.3.4',
  '1\u30022\u30023\u30024',
  'localhost',
];

const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 127, 224, 255));
const group = fc
  .oneof(fc.nat(0xffff), fc.constantFrom(0, 0, 1, 0xff00, 0xffff))
  .map((value) => value.toString(16));
const prefix = (max: number): fc.Arbitrary<string> =>
  fc.option(fc.nat(max)).map((value) => (value === null ? '' : `/${value}`));
const v4 = fc.array(byte, { minLength: 4, maxLength: 4 }).map((bytes) => bytes.join('.'));
const some = fc.array(group, { maxLength: 7 }).map((groups) => groups.join(':'));
const v6 = fc.oneof(
  fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(':')),
  fc.tuple(some, some).map((both) => both.join('::')),
);
const text = fc.oneof(
  fc.tuple(v4, prefix(33)).map((both) => both.join('')),
  fc.tuple(v6, prefix(129)).map((both) => both.join('')),
);

/** Addresses that differ in one bit, each with its own prefix: ranges that are close to one another. */
const neighbours = fc
  .tuple(fc.array(byte, { minLength: 4, maxLength: 4 }), fc.nat(31), fc.nat(32), fc.nat(32))
  .map(([bytes, bit, a, b]): Term => {
    const other = bytes.map((value, index) => (index === bit >> 3 ? value ^ (0x80 >> (bit & 7)) : value));
    return call('isInRange', call('ip', `${bytes.join('.')}/${a}`), call('ip', `${other.join('.')}/${b}`));
  });
const neighbours6 = fc
  .tuple(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), fc.nat(127), fc.nat(128), fc.nat(128))
  .map(([groups, bit, a, b]): Term => {
    const other = groups.map((value, index) => (index === bit >> 4 ? value ^ (0x8000 >> (bit & 15)) : value));
    const address = (from: number[]): string => from.map((value) => value.toString(16)).join(':');
    return call('isInRange', call('ip', `${address(groups)}/${a}`), call('ip', `${address(other)}/${b}`));
  });

describe('ipaddr', () => {
  it('takes and refuses the texts that cedar does', () => {
    expect(misread('ip', TAKEN, REFUSED)).toEqual([]);
  });

  it('tells kinds of addresses as cedar does', () => {
    expect(disagreements(METHODS.flatMap((fn) => TAKEN.map((from) => call(fn, call('ip', from)))))).toEqual(
      [],
    );
  });

  it('compares addresses and ranges as cedar does', () => {
    const edges = EDGES.map((from) => call('ip', from));
    const pairs = edges.flatMap((a) => edges.map((b) => [a, b] as const));
    expect(disagreements(['isInRange', '=='].flatMap((fn) => pairs.map(([a, b]) => call(fn, a, b))))).toEqual(
      [],
    );
  });

  it('agrees with cedar on generated texts and ranges', () => {
    expect(
      counterexample(garbled(text, '0123456789abF:./% ').map((from) => call('ip', from))),
    ).toBeUndefined();
    expect(counterexample(fc.oneof(neighbours, neighbours6))).toBeUndefined();
    const operation = fc.oneof(
      fc.tuple(fc.constantFrom(...METHODS), text).map(([fn, from]) => call(fn, call('ip', from))),
      fc
        .tuple(fc.constantFrom('isInRange', '=='), text, text)
        .map(([fn, a, b]) => call(fn, call('ip', a), call('ip', b))),
    );
    expect(counterexample(operation)).toBeUndefined();
  });
});
