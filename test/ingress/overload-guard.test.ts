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
  it('refuses what stands behind 50 ms of one turn, and decides again in the next', () => {
    let nowMs = 0;
    let endTurn = (): void => {};
    let handled = 0;
    const guard = new OverloadGuard(
      {
        handle() {
          handled += 1;
          nowMs += 15;
          return { status: 200, body: '' };
        },
      },
      () => nowMs,
      (callback) => {
        endTurn = callback;
      },
    );
    const statuses = Array.from({ length: 6 }, () => {
      const answer = guard.handle(REQUEST);
      return answer instanceof Promise ? 0 : answer.status;
    });
    expect(statuses).toEqual([200, 200, 200, 200, 503, 503]);
    endTurn();
    expect(guard.handle(REQUEST)).toMatchObject({ status: 200 });
    expect(handled).toBe(5);
  });

  it('says that it is overload, and when to come back', () => {
    let nowMs = 0;
    const guard = new OverloadGuard(
      { handle: () => ({ status: 200, body: '' }) },
      () => nowMs,
      () => {},
    );
    void guard.handle(REQUEST);
    nowMs = 51;
    const answer = guard.handle(REQUEST);
    expect(answer).toMatchObject({ status: 503, headers: [['retry-after', '1']] });
    expect(answer).toHaveProperty('body', expect.stringContaining('OVERLOADED'));
  });
});
