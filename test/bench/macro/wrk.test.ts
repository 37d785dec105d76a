import { describe, expect, it } from 'vitest';
import { parseWrk } from '../../../bench/macro/wrk.ts';

describe('what wrk prints', () => {
  it('is read from the line of the script, whatever else there is', () => {
    const output = 'Running 5s test\n  1 threads and 64 connections\nRESULT 1000 2000000 3 4 510.0 9000.5\n';
    expect(parseWrk(output)).toEqual({
      requests: 1000,
      seconds: 2,
      perSecond: 500,
      notOk: 3,
      failed: 4,
      p50Us: 510,
      p99Us: 9000.5,
    });
  });

  it('is an error where the line is missing: a run without a figure is none', () => {
    expect(() => parseWrk('unable to connect to 127.0.0.1:1 Connection refused\n')).toThrow(
      'unable to connect',
    );
  });
});
