import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { StartFailed } from '@firma/core';
import { formatHostPort } from '../config/address.ts';
import type { ListenAddress } from '../config/config.ts';

/** The refusal for an address that cannot be listened on. */
export function cannotListen(listen: ListenAddress, why: string): StartFailed {
  return new StartFailed(
    `cannot listen on \`${formatHostPort(listen)}\` (${why}); choose another \`listen\` for the ingress`,
  );
}

/**
 * An address that nobody listens on, with its port: for several workers, which share a port that each has to be told.
 * The kernel lets any process of the same user share such a port, so that it is free is found out before.
 *
 * @throws StartFailed where it is in use, or no address of this machine
 */
export function freePort(listen: ListenAddress): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      const code = 'code' in error ? String(error.code) : error.message;
      reject(cannotListen(listen, code === 'EADDRINUSE' ? `${code}: it is in use` : code));
    });
    server.listen({ ...listen, exclusive: true }, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve({ host: listen.host, port }));
    });
  });
}
