import { StartFailed } from '@firma/core';
import { startNodeIngress } from './node.ts';
import type { AdapterName, AdapterOptions, Ingress } from './port.ts';
import { startUwsIngress } from './uws.ts';
import { ADD_UWS, loadUws, type UwsModule } from './uws-module.ts';

/**
 * Starts the adapter that is asked for; `auto` is uWebSockets.js where it loads and node:http elsewhere.
 *
 * @throws StartFailed where the address cannot be listened on, or `uws` is asked for and does not load
 */
export async function startAdapter(
  wanted: AdapterName | 'auto',
  options: AdapterOptions,
  load: () => Promise<UwsModule | undefined> = loadUws,
): Promise<Ingress> {
  const uws = wanted === 'node' ? undefined : await load();
  if (uws !== undefined) return startUwsIngress(uws, options);
  if (wanted === 'uws') {
    throw new StartFailed(`\`adapter = "uws"\` needs uWebSockets.js, which does not load here; ${ADD_UWS}`);
  }
  return startNodeIngress(options);
}
