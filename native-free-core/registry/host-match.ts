/** The hosts a budget is about: one, or all below a name. Compared by `matchesHost`. Frozen. */
export interface HostMatch {
  /** A canonical host; for a suffix with the dot in front, `.stripe.com`. */
  readonly text: string;
  readonly isSuffix: boolean;
}

const MAX_HOST = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
// Readers take a name that ends in such a label for an IPv4 address, in a spelling no canonical host has.
const NUMBER = /^(?:[0-9]+|0x.*)$/;

function isName(labels: readonly string[]): boolean {
  return labels.every((label) => LABEL.test(label)) && !NUMBER.test(labels.at(-1) ?? '');
}

function isIpv4(labels: readonly string[]): boolean {
  return labels.length === 4 && labels.every((label) => OCTET.test(label) && Number(label) <= 255);
}

/**
 * Reads `api.stripe.com`, `192.0.2.7`, or `*.stripe.com` for one or more labels before `stripe.com`.
 *
 * @param text in lower case, the form in which a call's host is given; IPv6 addresses are not read
 * @returns undefined where the text is no host
 */
export function compileHostMatch(text: string): HostMatch | undefined {
  if (text.length > MAX_HOST) return undefined;
  const isSuffix = text.startsWith('*.');
  const host = isSuffix ? text.slice(2) : text;
  const labels = host.split('.');
  if (!isName(labels) && (isSuffix || !isIpv4(labels))) return undefined;
  return Object.freeze({ text: isSuffix ? `.${host}` : host, isSuffix });
}

/**
 * Whether a canonical host is one of them.
 *
 * Cost: one comparison, no allocation.
 */
export function matchesHost(match: HostMatch, host: string): boolean {
  return match.isSuffix ? host.endsWith(match.text) : host === match.text;
}
