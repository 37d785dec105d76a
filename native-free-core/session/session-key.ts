/** Who a session is of. `key` is one text for the other three: no two sessions share it. */
export interface SessionIdentity {
  readonly key: string;
  readonly iss: string;
  readonly sub: string;
  readonly sid: string;
}

/** Whose first 16 bytes a session is found by. */
export function sessionDigest(sha256Hex: (text: string) => string, key: string): string {
  return sha256Hex(`session\n${key}`);
}
