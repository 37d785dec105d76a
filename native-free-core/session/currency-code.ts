const A = 97;
const Z = 122;

/** Three lower-case letters as one number that fits a cell; 0 for what is no currency. */
export function currencyCode(currency: string | undefined): number {
  if (currency === undefined || currency.length !== 3) return 0;
  let code = 0;
  for (let at = 0; at < 3; at++) {
    const letter = currency.charCodeAt(at);
    if (letter < A || letter > Z) return 0;
    code = code * 256 + letter;
  }
  return code;
}

/** The currency of a code. */
export function currencyOf(code: number): string {
  return String.fromCharCode((code >> 16) & 255, (code >> 8) & 255, code & 255);
}
