/** Fills a key from the first 16 bytes of a digest. @param digest in hex */
export function readKey(digest: string, into: Uint32Array): void {
  for (let part = 0; part < 4; part++) into[part] = Number.parseInt(digest.slice(part * 8, part * 8 + 8), 16);
}

/** The key that stands at a cell, as 32 hex digits. */
export function keyText(cells: Uint32Array, at: number): string {
  let text = '';
  for (let part = 0; part < 4; part++) text += (cells[at + part] ?? 0).toString(16).padStart(8, '0');
  return text;
}
