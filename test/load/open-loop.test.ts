import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Carrier, OpenLoop } from '../../src/load/open-loop.ts';
import type { HttpResponse } from '../../src/load/response.ts';
import { Schedule } from '../../src/load/schedule.ts';
import { type Counted, Tally } from '../../src/load/tally.ts';
import { decideVerdict } from '../../src/load/verdict.ts';

const RESPONSE: HttpResponse = {
  status: 200,
  head: 'HTTP/1.1 200 OK',
  body: '{"outcome":"ALLOW","reason":"OK"}',
  closes: false,
};

class FakeCarrier implements Carrier {
  dueMs = 0;
  sentMs = 0;
  sent = 0;
  send(): void {
    this.sent++;
  }
}

/** An open loop on a clock that the test moves. */
class Rig {
  nowMs = 1000;
  readonly tally = new Tally(decideVerdict);
  readonly loop: OpenLoop;

  constructor(rate: number, durationMs: number, maxBacklog = 1000) {
    this.loop = new OpenLoop({
      schedule: new Schedule(rate, durationMs),
      nextRequest: () => 'request',
      tally: this.tally,
      maxBacklog,
      now: () => this.nowMs,
    });
  }

  at(elapsedMs: number): void {
    this.nowMs = 1000 + elapsedMs;
  }

  answer(carrier: Carrier): void {
    this.loop.answered(carrier, RESPONSE);
    this.loop.idle(carrier);
  }

  result(): Counted {
    this.tally.endSecond(this.loop.elapsedMs);
    return this.tally.result();
  }
}

describe('an open loop', () => {
  it('sends what is due on connections that are idle, each in its turn', () => {
    const rig = new Rig(1000, 10);
    const carriers = [new FakeCarrier(), new FakeCarrier(), new FakeCarrier()];
    for (const carrier of carriers) rig.loop.idle(carrier);
    rig.loop.start();
    expect(rig.loop.turn()).toBe(1);
    rig.at(1);
    expect(rig.loop.turn()).toBe(1);
    expect(carriers.map(({ sent }) => sent)).toEqual([1, 1, 0]);
    expect(rig.loop.isDone).toBe(false);
  });

  it('says that nothing more will be due once the schedule is over', () => {
    const rig = new Rig(1000, 1);
    const carrier = new FakeCarrier();
    rig.loop.idle(carrier);
    rig.loop.start();
    expect(rig.loop.turn()).toBe(Infinity);
    expect(rig.loop.isDone).toBe(false);
    rig.answer(carrier);
    expect(rig.loop.isDone).toBe(true);
  });

  it('counts latency from the time a request was due: a stall is seen by all that waited behind it', () => {
    // One a millisecond over one connection, and the first answer takes 100 ms; all others are there at once.
    const rig = new Rig(1000, 100);
    const carrier = new FakeCarrier();
    rig.loop.idle(carrier);
    rig.loop.start();
    rig.loop.turn();
    rig.at(100);
    rig.loop.turn();
    for (let answers = 0; answers < 100; answers++) rig.answer(carrier);
    const { latencyMs, serviceMs, answered } = rig.result();
    expect(answered).toBe(100);
    // Due at 0, 1, 2 … 99 and answered at 100: 100, 99, 98 … 1.
    expect(latencyMs.p50).toBeCloseTo(50, 0);
    expect(latencyMs.p90).toBeCloseTo(90, 0);
    expect(latencyMs.mean).toBeCloseTo(50.5, 0);
    // What a closed loop would have told: one slow request of a hundred.
    expect(serviceMs.p90).toBe(0);
    expect(serviceMs.max).toBeCloseTo(100, 0);
  });

  it('sends what waits as soon as a connection is free, the oldest first', () => {
    const rig = new Rig(1000, 10);
    const carrier = new FakeCarrier();
    rig.loop.start();
    rig.at(3);
    rig.loop.turn();
    rig.loop.idle(carrier);
    expect(carrier).toMatchObject({ sent: 1, dueMs: 0, sentMs: 3 });
    rig.answer(carrier);
    expect(carrier).toMatchObject({ sent: 2, dueMs: 1, sentMs: 3 });
  });

  it('sends nothing on a connection that is gone', () => {
    const rig = new Rig(1000, 10);
    const [first, second] = [new FakeCarrier(), new FakeCarrier()];
    rig.loop.idle(first);
    rig.loop.idle(second);
    rig.loop.gone(first);
    rig.loop.start();
    rig.loop.turn();
    expect([first.sent, second.sent]).toEqual([0, 1]);
  });

  it('counts as unsent what finds the waiting line full, and what waits at a stop', () => {
    const rig = new Rig(1000, 50, 10);
    rig.loop.start();
    rig.at(29);
    rig.loop.turn();
    expect(rig.result()).toMatchObject({ due: 30, sent: 0, unsent: 20 });
    rig.loop.stop();
    expect(rig.loop.isDone).toBe(true);
    expect(rig.result()).toMatchObject({ due: 30, unsent: 30 });
  });

  it('takes the lateness of the generator alone for lag, not the wait for a connection', () => {
    const rig = new Rig(1000, 10);
    rig.loop.idle(new FakeCarrier());
    rig.loop.start();
    rig.at(4);
    rig.loop.turn();
    expect(rig.tally.lags.count).toBe(1);
    expect(rig.tally.lags.maxMs).toBe(4);
  });

  it('puts every request that was due in exactly one place, whatever happens', () => {
    const event = fc.record({
      waitMs: fc.integer({ min: 0, max: 20 }),
      fate: fc.constantFrom('answer', 'reset', 'timeout', 'turn', 'bad'),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (events, lanes) => {
        const rig = new Rig(500, 300, 5);
        const busy: FakeCarrier[] = [];
        const make = (): FakeCarrier => {
          const carrier = new FakeCarrier();
          carrier.send = () => void busy.push(carrier);
          return carrier;
        };
        for (let lane = 0; lane < lanes; lane++) rig.loop.idle(make());
        rig.loop.start();
        let elapsedMs = 0;
        const finish = (fate: string): void => {
          const carrier = busy.shift();
          if (carrier === undefined) return;
          if (fate === 'reset' || fate === 'timeout') {
            rig.loop.failed(carrier, fate);
            rig.loop.idle(make());
            return;
          }
          rig.loop.answered(carrier, fate === 'bad' ? { ...RESPONSE, status: 500 } : RESPONSE);
          rig.loop.idle(carrier);
        };
        for (const { waitMs, fate } of events) {
          elapsedMs += waitMs;
          rig.at(elapsedMs);
          if (fate === 'turn') rig.loop.turn();
          else finish(fate);
        }
        rig.loop.stop();
        while (busy.length > 0) finish('answer');
        const { answered, due, errors, sent, unsent } = rig.result();
        const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
        expect(rig.loop.isDone).toBe(true);
        expect(answered + failed).toBe(sent);
        expect(sent + unsent).toBe(due);
      }),
    );
  });
});
