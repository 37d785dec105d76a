/** The longest pkt-line, its length included (gitprotocol-common). */
const MAX_PKT = 65_520;
const LENGTH_DIGITS = 4;

/**
 * One pkt-line: where its content starts and ends; a flush; `cut` where more bytes could complete it; `bad` where none
 * could, which here is also one of the lengths 1 to 4: the special packets of protocol 2, and an empty line.
 */
export type Pkt = 'flush' | 'cut' | 'bad' | { readonly start: number; readonly end: number };

/** The pkt-line at an offset. A length is four hexadecimal digits of either case, and counts itself. */
export function readPkt(bytes: Uint8Array, at: number): Pkt {
  const start = at + LENGTH_DIGITS;
  let length = 0;
  for (let index = at; index < start; index++) {
    const code = bytes[index];
    if (code === undefined) return 'cut';
    const digit = hexValue(code);
    if (digit === undefined) return 'bad';
    length = length * 16 + digit;
  }
  if (length === 0) return 'flush';
  if (length <= LENGTH_DIGITS || length > MAX_PKT) return 'bad';
  const end = at + length;
  return end > bytes.length ? 'cut' : { start, end };
}

function hexValue(code: number): number | undefined {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : undefined;
}
