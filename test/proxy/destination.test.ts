import type { LookupAddress } from 'node:dns';
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { Destinations } from '../../src/proxy/destination.ts';

function v4(...addresses: string[]): LookupAddress[] {
  return addresses.map((address) => ({ address, family: 4 }));
}

function counting(addresses: LookupAddress[]): {
  asked: string[];
  resolve: (name: string) => Promise<LookupAddress[]>;
} {
  const asked: string[] = [];
  return {
    asked,
    resolve: (name) => {
      asked.push(name);
      return Promise.resolve(addresses);
    },
  };
}

describe('a destination', () => {
  it('keeps the reachable addresses of a name, in order', async () => {
    const { resolve } = counting(v4('10.0.0.1', '8.8.8.8', '127.0.0.1', '1.1.1.1'));
    const destinations = new Destinations({ destinations: [], timeoutMs: 1000, resolve });
    expect(await destinations.locate('a.test')).toEqual({ ok: true, addresses: v4('8.8.8.8', '1.1.1.1') });
  });

  it('is forbidden where none is left, or the name has none', async () => {
    for (const addresses of [v4('10.0.0.1', '192.168.0.1'), []]) {
      const { resolve } = counting(addresses);
      const destinations = new Destinations({ destinations: [], timeoutMs: 1000, resolve });
      expect(await destinations.locate('a.test')).toMatchObject({
        ok: false,
        failure: { reason: 'DESTINATION_FORBIDDEN' },
      });
    }
  });

  it('is opened for its own host and block only', async () => {
    const { resolve } = counting(v4('10.1.2.3'));
    const destinations = new Destinations({
      destinations: [
        { host: 'a.test', cidr: '10.1.0.0/16' },
        { host: '*.inside.test', cidr: '10.0.0.0/8' },
        { host: 'b.test', cidr: '10.2.0.0/16' },
        { host: '10.9.9.9', cidr: '10.9.9.9/32' },
      ],
      timeoutMs: 1000,
      resolve,
    });
    const ok = async (host: string): Promise<boolean> => (await destinations.locate(host)).ok;
    expect(await ok('a.test')).toBe(true);
    expect(await ok('x.inside.test')).toBe(true);
    expect(await ok('x.y.inside.test')).toBe(true);
    expect(await ok('inside.test')).toBe(false);
    expect(await ok('xinside.test')).toBe(false);
    expect(await ok('b.test')).toBe(false);
    expect(await ok('a.a.test')).toBe(false);
    expect(await ok('10.9.9.9')).toBe(true);
    expect(await ok('10.1.2.3')).toBe(false);
  });

  it('is never this machine itself, whatever address it has', async () => {
    const destinations = new Destinations({ destinations: [], timeoutMs: 1000 });
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    expect(own.length).toBeGreaterThan(0);
    for (const { address } of own) expect((await destinations.locate(address)).ok).toBe(false);
  });

  it('is not looked up where it is a literal', async () => {
    const { asked, resolve } = counting([]);
    const destinations = new Destinations({ destinations: [], timeoutMs: 1000, resolve });
    expect(await destinations.locate('8.8.8.8')).toEqual({ ok: true, addresses: v4('8.8.8.8') });
    expect(asked).toEqual([]);
  });

  it('is asked for once by a burst of calls, again after a while, and again after a failure', async () => {
    let nowMs = 0;
    let found: LookupAddress[] = v4('8.8.8.8');
    let asked = 0;
    const destinations = new Destinations({
      destinations: [],
      timeoutMs: 1000,
      now: () => nowMs,
      resolve: () => {
        asked += 1;
        return Promise.resolve(found);
      },
    });
    await Promise.all(Array.from({ length: 20 }, () => destinations.locate('a.test')));
    expect(asked).toBe(1);
    nowMs = 4999;
    await destinations.locate('a.test');
    expect(asked).toBe(1);
    nowMs = 5000;
    found = v4('10.0.0.1');
    expect((await destinations.locate('a.test')).ok).toBe(false);
    expect(asked).toBe(2);
    found = v4('8.8.8.8');
    expect((await destinations.locate('a.test')).ok).toBe(true);
    expect(asked).toBe(3);
  });

  it('is forgotten where more names are asked for than are kept', async () => {
    const { asked, resolve } = counting(v4('8.8.8.8'));
    const destinations = new Destinations({ destinations: [], timeoutMs: 1000, resolve, maxNames: 2 });
    for (const name of ['a.test', 'b.test', 'c.test', 'c.test', 'a.test']) await destinations.locate(name);
    expect(asked).toEqual(['a.test', 'b.test', 'c.test', 'a.test']);
  });
});
