import { describe, expect, it } from 'vitest';
import { OverloadGuard } from '../../src/ingress/overload-guard.ts';
import type { IngressRequest } from '../../src/ingress/port.ts';

const REQUEST: IngressRequest = {
  method: 'POST',
  target: '/v1/decide',
  headers: [],
  body: new Uint8Array(0),
  isTrusted: false,
  source: 'loopback',
};

describe('the guard against overload', () => {
  it('refuses what stands behind 50 ms and 256 requests of one turn, and decides again in the next', () => {
    let nowMs = 0;
    let endTurn = (): void => {};
    let handled = 0;
    let refused = 0;
    const guard = new OverloadGuard(
      {
        handle() {
          handled += 1;
          nowMs += 1;
          return { status: 200, body: '' };
        },
      },
      () => (refused += 1),
      () => nowMs,
      (callback) => {
        endTurn = callback;
      },
    );
    const ask = (): number => {
      const answer = guard.handle(REQUEST);
      return answer instanceof Promise ? 0 : answer.status;
    };
    const statuses = Array.from({ length: 260 }, ask);
    expect(statuses.indexOf(503)).toBe(256);
    expect(refused).toBe(4);
    endTurn();
    expect(ask()).toBe(200);
    expect(handled).toBe(257);
  });

  it('refuses nothing of a turn that was long for another reason', () => {
    let nowMs = 0;
    const guard = new OverloadGuard(
      { handle: () => ({ status: 200, body: '' }) },
      undefined,
      () => nowMs,
      () => {},
    );
    void guard.handle(REQUEST);
    nowMs = 5_000;
    expect(guard.handle(REQUEST)).toMatchObject({ status: 200 });
  });

  it('says that it is overload, and when to come back', () => {
    let nowMs = 0;
    const guard = new OverloadGuard(
      { handle: () => ({ status: 200, body: '' }) },
      undefined,
      () => nowMs,
      () => {},
    );
    for (let request = 0; request < 256; request++) void guard.handle(REQUEST);
    nowMs = 51;
    const answer = guard.handle(REQUEST);
    expect(answer).toMatchObject({ status: 503, headers: [['retry-after', '1']] });
    expect(answer).toHaveProperty('body', expect.stringContaining('OVERLOADED'));
  });
});
