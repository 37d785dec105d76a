import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { loadOrCreateKeyFile } from './config/key-file.ts';

const KEY_BYTES = 32;

/**
 * The key that enforcement points show to the decision API: who may settle decisions, and see records of any agent. A
 * secret of its own, never a capability token.
 *
 * @throws StateUnusable where the file is another user's, readable by others, or unreadable
 */
export async function enforcementKey(file: string): Promise<string> {
  const text = await loadOrCreateKeyFile(file, () => `${randomBytes(KEY_BYTES).toString('base64url')}\n`);
  return text.trim();
}

/** What threads are given to compare with, in place of the key. */
export function keyDigest(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Whether a text is the key of that digest, in constant time. */
export function isKeyOf(digest: string, text: string): boolean {
  return timingSafeEqual(Buffer.from(digest), Buffer.from(keyDigest(text)));
}
