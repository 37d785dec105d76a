import { StartFailed, Usage } from '@firma/core';
import { stateDirPath } from '../../config/state-dir.ts';
import { loadAddress } from '../../load/address.ts';
import type { Endpoint } from '../../load/lane.ts';
import type { LoadTarget } from '../../load/result.ts';
import { controlClient } from '../../session/control-client.ts';
import { findControl } from '../../session/running.ts';
import { isSidecarInfo, type SidecarInfo } from '../../session/sidecar-info.ts';
import { surroundings } from '../options.ts';

export interface AskedPlace {
  readonly url?: string | undefined;
  readonly socket?: string | undefined;
  readonly stateDir?: string | undefined;
  readonly ownsHost: boolean;
}

/** Where a run sends its load. */
export interface Place {
  readonly endpoint: Endpoint;
  readonly hostHeader: string;
  /** The sidecar of the state directory; undefined where another place was named. */
  readonly sidecar: SidecarInfo | undefined;
}

async function runningSidecar(stateDir: string): Promise<SidecarInfo> {
  const control = await findControl(stateDir);
  const status = await controlClient(control).status();
  if (isSidecarInfo(status)) return status;
  throw new StartFailed(`what answers on \`${control}\` is no sidecar of this version; stop it first`);
}

/**
 * Finds whom to ask: the address or socket that was named, else the sidecar that runs for the state directory.
 *
 * @throws Usage for an address that is not loopback, StartFailed where nothing is named and no sidecar runs
 */
export async function findPlace(target: LoadTarget, asked: AskedPlace): Promise<Place> {
  const { ownsHost, socket, url } = asked;
  if (url !== undefined && socket !== undefined) throw new Usage('give `--url` or `--socket`, not both');
  if (socket !== undefined) {
    return { endpoint: { socketPath: socket }, hostHeader: 'localhost', sidecar: undefined };
  }
  if (url !== undefined) {
    const { host, port, hostHeader } = await loadAddress(url, ownsHost);
    return { endpoint: { host, port }, hostHeader, sidecar: undefined };
  }
  const sidecar = await runningSidecar(stateDirPath(asked.stateDir, surroundings()));
  if (target === 'ext_authz') {
    // Only there everybody's word about the calls of others is believed.
    return { endpoint: { socketPath: sidecar.ingressSocket }, hostHeader: 'localhost', sidecar };
  }
  const { host, port, hostHeader } = await loadAddress(
    target === 'proxy' ? sidecar.proxy : sidecar.ingress,
    ownsHost,
  );
  return { endpoint: { host, port }, hostHeader, sidecar };
}
