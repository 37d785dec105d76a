import { lookup } from 'node:dns/promises';
import { Usage } from '@firma/core';
import { isLoopback } from '../config/address.ts';

/** A place to send load to, judged. */
export interface LoadAddress {
  /** The address that is connected to: no name, so that nothing else can answer for it later. */
  readonly host: string;
  readonly port: number;
  /** What the `Host` of a request says. */
  readonly hostHeader: string;
}

/** Looks up the address of a name. */
export type Resolve = (name: string) => Promise<string>;

const resolveName: Resolve = async (name) => (await lookup(name)).address;

/**
 * Finds the address of a URL, and refuses one that is not this machine's own.
 *
 * @param ownsHost whoever asks says that the other machine is theirs
 * @throws Usage where the URL is none of plain HTTP, its name has no address, or the address is not loopback
 */
export async function loadAddress(
  url: string,
  ownsHost: boolean,
  resolve: Resolve = resolveName,
): Promise<LoadAddress> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (
    parsed === undefined ||
    parsed.protocol !== 'http:' ||
    parsed.username !== '' ||
    parsed.pathname !== '/'
  ) {
    throw new Usage(`\`${url}\` is no \`http://host:port\``);
  }
  const name = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  let host: string;
  try {
    host = await resolve(name);
  } catch {
    throw new Usage(`\`${name}\` has no address`);
  }
  if (!ownsHost && !isLoopback(host)) {
    throw new Usage(
      `\`${name}\` is ${host === name ? 'not this machine' : `\`${host}\`, which is not this machine`}; a load is for your own: say so with \`--i-own-this-host\``,
    );
  }
  return { host, port: Number(parsed.port === '' ? 80 : parsed.port), hostHeader: parsed.host };
}
