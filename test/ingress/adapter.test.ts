import { afterEach, describe, expect, it } from 'vitest';
import { startAdapter } from '../../src/ingress/adapter.ts';
import type { AdapterOptions, Ingress } from '../../src/ingress/port.ts';
import { loadUws } from '../../src/ingress/uws-module.ts';

const options: AdapterOptions = {
  listen: { host: '127.0.0.1', port: 0 },
  trusted: [],
  isShared: false,
  handler: { handle: () => ({ status: 200, body: '{}' }) },
};

const missing = () => loadUws('no-such-add-on');

describe('the adapter that serves', () => {
  let ingress: Ingress | undefined;

  afterEach(() => ingress?.close());

  it('is node:http where it is asked for, and the add-on is not even loaded', async () => {
    ingress = await startAdapter('node', options, () => Promise.reject(new Error('loaded')));
    expect(ingress.adapter).toBe('node');
  });

  it('is node:http under `auto` where the add-on does not load', async () => {
    ingress = await startAdapter('auto', options, missing);
    expect(ingress.adapter).toBe('node');
  });

  it('is no other than uWebSockets.js where that is asked for', async () => {
    await expect(startAdapter('uws', options, missing)).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('npm install uWebSockets.js@npm:uwebsockets@'),
    });
  });

  it('is uWebSockets.js under `auto` where the add-on loads', async () => {
    const uws = await loadUws();
    ingress = await startAdapter('auto', options, () => Promise.resolve(uws));
    expect(ingress.adapter).toBe(uws === undefined ? 'node' : 'uws');
  });

  it('is loaded from no module that is not the add-on', async () => {
    expect(await loadUws('node:path')).toBeUndefined();
  });
});
