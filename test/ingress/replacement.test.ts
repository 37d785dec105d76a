import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BroadcastChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { trust } from '../../src/config/trust.ts';
import { startIngressPool } from '../../src/ingress/ingress-pool.ts';
import { openFirma } from '../../src/open-firma.ts';
import { MAPPINGS, POLICIES } from '../conformance/decisions.ts';
import { makeDir } from '../config/place.ts';

const ASKED = { agent: 'a', groups: [], actions: ['code.read', 'code.write'], scope: ['*'], ttlS: 600 };
const BASE = `
[sidecar.mapping]
rules_path = "own.toml"
[sidecar.policy]
path = "own.cedar"
[[sidecar.budgets]]
name = "writes"
match = ["code.write"]
max_calls = 3
[sidecar.ingress]
`;

async function running(ingress: string) {
  const root = makeDir({ 'firma.toml': BASE + ingress, 'own.toml': MAPPINGS, 'own.cedar': POLICIES });
  const place = { config: join(root, 'firma.toml'), stateDir: join(root, 'state') };
  await trust(place.config, place.stateDir);
  const firma = await openFirma(place);
  let told: (sentence: string) => void = () => {};
  const pool = await startIngressPool({
    config: firma.parts.config.ingress,
    socketPath: join(root, 'api.sock'),
    threads: firma.parts.threads,
    onReplaced: (sentence) => told(sentence),
    worker: fileURLToPath(new URL('failing-worker.mjs', import.meta.url)),
  });
  const { token } = await firma.parts.authority.issue(ASKED);
  return {
    firma,
    pool,
    replaced: () =>
      new Promise<string>((resolve) => {
        told = resolve;
      }),
    async ask(method: string): Promise<string> {
      const response = await fetch(`http://127.0.0.1:${pool.port}/v1/decide`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', connection: 'close' },
        body: JSON.stringify({ token, method, url: 'https://api.test/repos/o/r' }),
      });
      const answer = (await response.json()) as { reason?: string; error?: { code: string } };
      return answer.reason ?? answer.error?.code ?? '';
    },
    async close() {
      await pool.close();
      await firma.close();
    },
  };
}

/** Asks until a thread decides again. */
async function decided(ask: () => Promise<string>): Promise<string> {
  for (;;) {
    const reason = await ask().catch(() => 'refused');
    if (reason !== 'refused' && reason !== 'OVERLOADED') return reason;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a thread of the decision API that fails', () => {
  const fail = new BroadcastChannel('firma-failing-worker');

  it.each([
    ['listens and decides', 'workers = 1'],
    ['is one of two on a port', 'workers = 2'],
    ['decides behind one that listens', 'placement = "pool"'],
  ])('is replaced where it %s, and what its sessions did still counts', async (_what, ingress) => {
    const { ask, close, replaced } = await running(ingress);
    try {
      expect(await ask('POST')).toBe('OK');
      const sentence = replaced();
      fail.postMessage('now');
      expect(await sentence).toContain('planted');
      expect(await decided(() => ask('POST'))).toBe('OK');
      expect(await ask('POST')).toBe('OK');
      expect(await ask('POST')).toBe('BUDGET_EXCEEDED');
    } finally {
      await close();
    }
  });

  it('ends the decision API where it happens over and over', async () => {
    const { ask, close, pool, replaced } = await running('');
    try {
      for (let times = 0; times < 5; times++) {
        const sentence = replaced();
        fail.postMessage('now');
        await sentence;
        await decided(() => ask('GET'));
      }
      fail.postMessage('now');
      expect(await pool.failed).toMatchObject({ message: expect.stringContaining('planted') });
    } finally {
      await close();
    }
  });
});
