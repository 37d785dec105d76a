import { StartFailed } from '@firma/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNodeIngress } from '../../src/ingress/node.ts';
import type { AdapterOptions, Ingress } from '../../src/ingress/port.ts';
import { startUwsIngress } from '../../src/ingress/uws.ts';
import { loadUws } from '../../src/ingress/uws-module.ts';
import { ingressConformance } from '../conformance/ingress.ts';
import { ingressHostility } from '../conformance/ingress-hostile.ts';
import { ingressPeers } from '../conformance/ingress-peers.ts';
import { forwarded } from './forwarded.ts';
import { RawClient } from './raw-client.ts';

const SLOW_LIMIT_MS = 20_000;

const IDLE: AdapterOptions = {
  listen: { host: '127.0.0.1', port: 0 },
  trusted: [],
  isShared: false,
  handler: { handle: () => ({ status: 200, body: '{}' }) },
};

async function startUws(options: AdapterOptions): Promise<Ingress> {
  const uws = await loadUws();
  if (uws === undefined) throw new StartFailed('uWebSockets.js does not load');
  return startUwsIngress(uws, options);
}

/** Statuses of the answers to requests that never arrive whole; 408 where the connection just ends. */
async function slowRequests({ host, port }: Ingress): Promise<number[]> {
  const start = `POST /v1/decide HTTP/1.1\r\nhost: ${host}:${port}\r\ncontent-length: 9\r\n`;
  const whole = `${start}content-type: application/json\r\n\r\n`;
  const clients = ['', start, `${whole}{"a"`].map((text) => new RawClient(port, host).send(text));
  return Promise.all(clients.map(async (one) => (await one.answer())?.status ?? 408));
}

describe('the decision API', () => {
  const idle: Ingress[] = [];
  let slow: Promise<number[][]>;

  // The add-on's time-outs are built in; the suites below run meanwhile.
  beforeAll(async () => {
    idle.push(await startNodeIngress(IDLE, 500), await startUws(IDLE));
    slow = Promise.all(idle.map(slowRequests));
  });
  afterAll(async () => {
    await Promise.all(idle.map((ingress) => ingress.close()));
  });

  ingressConformance('on node:http', startNodeIngress);
  ingressConformance('on uWebSockets.js', startUws);
  ingressConformance('on node:http, decided elsewhere', forwarded(startNodeIngress));
  ingressConformance('on uWebSockets.js, decided elsewhere', forwarded(startUws));

  for (const [name, start] of [
    ['on node:http', startNodeIngress],
    ['on uWebSockets.js', startUws],
  ] as const) {
    ingressHostility(name, start);
    ingressPeers(name, start);
  }

  it(
    'ends connections on which no request arrives',
    async () => {
      expect(await slow).toEqual([
        [408, 408, 408],
        [408, 408, 408],
      ]);
    },
    SLOW_LIMIT_MS,
  );
});
