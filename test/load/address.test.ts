import { describe, expect, it } from 'vitest';
import { loadAddress, type Resolve } from '../../src/load/address.ts';

const names: Readonly<Record<string, string>> = {
  localhost: '127.0.0.1',
  'localhost.attacker.example': '203.0.113.7',
  'mine.example': '127.9.9.9',
};
const resolve: Resolve = (name) => {
  const address = names[name] ?? (/^[0-9.]+$|:/.test(name) ? name : undefined);
  return address === undefined ? Promise.reject(new Error('no such name')) : Promise.resolve(address);
};

describe('the address of a load', () => {
  it.each([
    ['http://127.0.0.1:8181', { host: '127.0.0.1', port: 8181, hostHeader: '127.0.0.1:8181' }],
    ['http://localhost:81/', { host: '127.0.0.1', port: 81, hostHeader: 'localhost:81' }],
    ['http://[::1]:81', { host: '::1', port: 81, hostHeader: '[::1]:81' }],
    ['http://127.1', { host: '127.0.0.1', port: 80, hostHeader: '127.0.0.1' }],
    ['http://mine.example:81', { host: '127.9.9.9', port: 81, hostHeader: 'mine.example:81' }],
  ])('%s is this machine', async (url, expected) => {
    expect(await loadAddress(url, false, resolve)).toEqual(expected);
  });

  it.each([
    'http://203.0.113.7:81',
    'http://0.0.0.0:81',
    'http://10.0.0.1:81',
    'http://[::]:81',
    'http://[::ffff:203.0.113.7]:81',
    'http://localhost.attacker.example:81',
  ])('%s is not, whatever its name says', async (url) => {
    await expect(loadAddress(url, false, resolve)).rejects.toMatchObject({ code: 'USAGE' });
    expect(await loadAddress(url, true, resolve)).toMatchObject({ port: 81 });
  });

  it('is connected to as an address, never as a name', async () => {
    expect((await loadAddress('http://localhost.attacker.example:81', true, resolve)).host).toBe(
      '203.0.113.7',
    );
  });

  it.each([
    '127.0.0.1:81',
    'https://127.0.0.1',
    'http://u@127.0.0.1',
    'http://127.0.0.1/v1/decide',
    'http://gone.example',
  ])('%s is none', async (url) => {
    await expect(loadAddress(url, true, resolve)).rejects.toMatchObject({ code: 'USAGE' });
  });
});
