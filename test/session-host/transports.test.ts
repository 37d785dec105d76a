import { describe, expect, it } from 'vitest';
import { OpenTransports } from '../../src/session/transports.ts';

const WHY = 'POLICY_ABORT';

describe('the open transports of a session', () => {
  it('are all cut at its end, and nobody else’s', () => {
    const transports = new OpenTransports();
    const cut: string[] = [];
    for (const name of ['a1', 'a2', 'b1']) {
      transports.attach(name.slice(0, 1), (reason) => void cut.push(`${name} ${reason}`));
    }
    expect(transports.end('a', WHY)).toBe(2);
    expect(cut).toEqual([`a1 ${WHY}`, `a2 ${WHY}`]);
    expect([transports.end('a', WHY), transports.end('b', WHY)]).toEqual([0, 1]);
  });

  it('are cut once, and not after they ended by themselves', () => {
    const transports = new OpenTransports();
    const cut: string[] = [];
    const detach = transports.attach('a', () => void cut.push('ended'));
    transports.attach('a', () => void cut.push('open'));
    detach();
    transports.end('a', WHY);
    transports.end('a', WHY);
    detach();
    expect(cut).toEqual(['open']);
  });

  it('are cut however many there are, though some cannot be and some detach others', () => {
    const transports = new OpenTransports();
    let cuts = 0;
    const detaches: (() => void)[] = [];
    for (let index = 0; index < 1000; index++) {
      const detach = transports.attach('a', () => {
        cuts++;
        for (const one of detaches) one();
        if (index % 2 === 0) throw new Error('cannot');
      });
      detaches.push(detach);
    }
    expect(transports.end('a', WHY)).toBe(1000);
    expect(cuts).toBe(1000);
    expect(transports.end('a', WHY)).toBe(0);
  });

  it('are cut as they are attached where the session has ended meanwhile', () => {
    const transports = new OpenTransports();
    transports.end('a', WHY);
    transports.end('a', 'LATER');
    const cut: string[] = [];
    const detach = transports.attach('a', (reason) => void cut.push(reason));
    transports.attach('a', () => {
      throw new Error('cannot');
    });
    transports.attach('b', (reason) => void cut.push(reason));
    expect(cut).toEqual([WHY]);
    detach();
    expect([transports.end('a', WHY), transports.end('b', WHY)]).toEqual([0, 1]);
  });

  it('that a cut opens are cut as well', () => {
    const transports = new OpenTransports();
    const cut: string[] = [];
    transports.attach('a', () => {
      cut.push('first');
      transports.attach('a', () => void cut.push('second'));
    });
    transports.end('a', WHY);
    expect(cut).toEqual(['first', 'second']);
    expect(transports.end('a', WHY)).toBe(0);
  });

  it('of as many ended sessions as are remembered; the oldest is forgotten first', () => {
    const transports = new OpenTransports(2);
    const cut: string[] = [];
    for (const key of ['a', 'b', 'c']) transports.end(key, WHY);
    for (const key of ['a', 'b', 'c']) transports.attach(key, () => void cut.push(key));
    expect(cut).toEqual(['b', 'c']);
  });
});
