import { afterEach, describe, expect, it } from 'vitest';
import { runLoad, type RunLoadOptions, type RunLoadResult } from '../../src/load/run-load.ts';
import { Schedule } from '../../src/load/schedule.ts';
import { decideVerdict } from '../../src/load/verdict.ts';
import { ALLOWED, answerOf, type Got, type ScriptedServer, scriptedServer } from './scripted-server.ts';

const REQUEST = 'POST /v1/decide HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}';

let server: ScriptedServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function run(
  script: (got: Got) => void,
  options: Partial<RunLoadOptions> = {},
): Promise<RunLoadResult> {
  server = await scriptedServer(script);
  return runLoad({
    endpoint: { host: '127.0.0.1', port: server.port },
    connections: 4,
    schedule: new Schedule(400, 100),
    nextRequest: () => REQUEST,
    readVerdict: decideVerdict,
    timeoutMs: 5000,
    maxBacklog: 1000,
    ...options,
  });
}

const answer = ({ socket }: Got): void => void socket.write(answerOf(ALLOWED));

describe('a load run', () => {
  it('sends every request of its schedule as it was written, and counts every answer', async () => {
    const result = await run(answer);
    expect(server?.requests).toHaveLength(40);
    expect(new Set(server?.requests)).toEqual(new Set([REQUEST]));
    expect(server?.connections).toBe(4);
    expect(result).toMatchObject({
      due: 40,
      sent: 40,
      answered: 40,
      unsent: 0,
      errors: {},
      outcomes: { ALLOW: 40 },
      interrupted: false,
    });
    expect(result.perSecond.reduce((sum, { answered }) => sum + answered, 0)).toBe(40);
  });

  it('tells outcomes and reasons apart', async () => {
    const denied = '{"outcome":"DENY","reason":"POLICY_FORBID"}';
    const result = await run(({ index, socket }) => {
      socket.write(answerOf(index % 4 === 0 ? denied : ALLOWED));
    });
    expect(result.outcomes).toEqual({ ALLOW: 30, DENY: 10 });
    expect(result.reasons).toEqual({ 'ALLOW OK': 30, 'DENY POLICY_FORBID': 10 });
  });

  it('goes on over new connections where answers are malformed, broken off or announce the end', async () => {
    const result = await run(({ index, socket }) => {
      if (index === 0) socket.write('SSH-2.0-other\r\n\r\n');
      else if (index === 1) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{');
      else if (index === 2) socket.resetAndDestroy();
      else if (index === 3) socket.write(answerOf('', '503 Service Unavailable'));
      else if (index === 4) socket.end(answerOf(ALLOWED, '200 OK', 'connection: close\r\n'));
      else answer({ index, socket, request: '' });
    });
    expect(result.errors).toEqual({ malformed: 1, closed: 1, reset: 1, 'status 503': 1 });
    expect(result.answered).toBe(36);
    expect(server?.connections).toBeGreaterThan(4);
  });

  it('is not stopped by a server that closes idle connections', async () => {
    const result = await run(({ socket }) => {
      socket.write(answerOf(ALLOWED), () => socket.end());
    });
    expect(result.answered + (result.errors['closed'] ?? 0) + (result.errors['reset'] ?? 0)).toBe(40);
    expect(result.answered).toBeGreaterThan(0);
  });

  it('gives up a request without an answer, and counts its wait', async () => {
    const result = await run(({ index, socket }) => index !== 0 && socket.write(answerOf(ALLOWED)), {
      timeoutMs: 60,
    });
    expect(Object.keys(result.errors)).toEqual(['timeout']);
    expect(result.answered + (result.errors['timeout'] ?? 0)).toBe(40);
    expect(result.latencyMs.max).toBeGreaterThanOrEqual(59);
  });

  it('shows the stall of a server in the latencies of all that were due meanwhile', async () => {
    const held: Got[] = [];
    const result = await run(
      (got) => {
        if (got.index > 0) answer(got);
        else {
          held.push(got);
          setTimeout(() => answer(got), 80);
        }
      },
      { connections: 1 },
    );
    expect(held).toHaveLength(1);
    expect(result.answered).toBe(40);
    // One request was slow by itself; those behind it had left late.
    expect(result.latencyMs.p50).toBeGreaterThan(result.serviceMs.p50);
    expect(result.latencyMs.mean).toBeGreaterThan(2 * result.serviceMs.mean);
  });

  it('counts as unsent what a server that answers nothing leaves over', async () => {
    const result = await run(() => undefined, { connections: 2, timeoutMs: 120, maxBacklog: 10 });
    expect(result.answered).toBe(0);
    expect(result.unsent).toBeGreaterThan(0);
    expect(result.sent + result.unsent).toBe(result.due);
    expect(result.errors['timeout']).toBe(result.sent);
  });

  it('ends early where it is told to, with what there is', async () => {
    const controller = new AbortController();
    const result = await run(
      (got) => {
        answer(got);
        if (got.index === 5) controller.abort();
      },
      { schedule: new Schedule(400, 60_000), signal: controller.signal },
    );
    expect(result.interrupted).toBe(true);
    expect(result.answered).toBeGreaterThanOrEqual(5);
    expect(result.due).toBeLessThan(1000);
  });

  it('does not begin where nobody listens', async () => {
    const closed = await scriptedServer(answer);
    await closed.close();
    const started = runLoad({
      endpoint: { host: '127.0.0.1', port: closed.port },
      connections: 1,
      schedule: new Schedule(1, 1000),
      nextRequest: () => REQUEST,
      readVerdict: decideVerdict,
      timeoutMs: 100,
      maxBacklog: 1,
    });
    await expect(started).rejects.toMatchObject({ code: 'START_FAILED' });
  });
});
