/** Whether a text is an IPv4 address as four plain decimals; octal, hexadecimal and short forms are not. */
export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every(isOctet);
}

function isOctet(part: string): boolean {
  return /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255;
}

/**
 * Reads an IPv6 address (RFC 4291 §2.2, without brackets and without a zone) and writes it in the one form of
 * RFC 5952 §4, in hexadecimal throughout.
 *
 * @returns undefined where the text is not an address, or an IPv4-mapped one (RFC 4291 §2.5.5.2): a second spelling
 *   of an IPv4 address, which no rule for that address would see
 */
export function canonicalIpv6(text: string): string | undefined {
  if (text.length > 45) return undefined;
  const gap = text.indexOf('::');
  if (gap === -1) {
    const groups = readGroups(text, true);
    return groups?.length === 8 ? formatIpv6(groups) : undefined;
  }
  const head = text.slice(0, gap);
  const tail = text.slice(gap + 2);
  const before = head === '' ? [] : readGroups(head, false);
  const after = tail === '' ? [] : readGroups(tail, true);
  if (before === undefined || after === undefined || before.length + after.length > 7) return undefined;
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return formatIpv6([...before, ...zeros, ...after]);
}

/** @param isEnd whether the last part may be an IPv4 address */
function readGroups(text: string, isEnd: boolean): number[] | undefined {
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else if (isEnd && index === parts.length - 1 && isIpv4(part)) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
      groups.push(a * 256 + b, c * 256 + d);
    } else return undefined;
  }
  return groups;
}

function isIpv4Mapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.findIndex((group) => group !== 0) === 5;
}

function formatIpv6(groups: readonly number[]): string | undefined {
  if (isIpv4Mapped(groups)) return undefined;
  let start = -1;
  let length = 1;
  for (let from = 0; from < groups.length; from++) {
    let to = from;
    while (groups[to] === 0) to++;
    if (to - from > length) {
      start = from;
      length = to - from;
    }
  }
  const texts = groups.map((group) => group.toString(16));
  if (start === -1) return texts.join(':');
  return `${texts.slice(0, start).join(':')}::${texts.slice(start + length).join(':')}`;
}
