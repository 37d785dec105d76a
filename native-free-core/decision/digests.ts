import { canonicalize } from '../audit/canonical-json.ts';
import { ACTION_CLASSES } from '../registry/classes.ts';
import type { Sha256Hex } from './ports.ts';

/** SHA-256 of a value's canonical JSON (RFC 8785), in hexadecimal. Throws NotCanonical. */
export function digest(value: unknown, sha256Hex: Sha256Hex): string {
  return sha256Hex(canonicalize(value));
}

/** `fep-0.1+<digest>`: the closed list this build enforces. */
export function registryVersion(sha256Hex: Sha256Hex): string {
  const rows = ACTION_CLASSES.map(({ name, risk, effect, base }) => ({ name, risk, effect, base }));
  return `fep-0.1+${digest(rows, sha256Hex)}`;
}

/** What a decision depends on besides the call; `settings` is everything configured that is not the other three. */
export interface ConfigParts {
  readonly bundle: string;
  readonly registry: string;
  readonly mappings: string;
  readonly settings: string;
}

/** One digest over all parts: what every decision record carries as `config`. */
export function configDigest(parts: ConfigParts, sha256Hex: Sha256Hex): string {
  return digest(parts, sha256Hex);
}
