import type { Envelope, RawRequest } from '../normalizer/envelope.ts';
import type { Charge } from '../session/budget.ts';
import type { Sha256Hex } from './ports.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

interface Idempotency {
  readonly header: string;
  readonly key: string;
}

/**
 * The one idempotency key of a request. One that carries several of the headers, a header twice, or an empty one, has
 * none that can be relied on, and is charged like any other.
 */
function keyOf(raw: RawRequest, headers: readonly string[]): Idempotency | undefined {
  let found: Idempotency | undefined;
  for (const header of headers) {
    const values = raw.headers.get(header);
    if (values === undefined) continue;
    const [key] = values;
    if (found !== undefined || values.length !== 1 || key === undefined || key === '') return undefined;
    found = { header, key };
  }
  return found;
}

function bodyText(raw: RawRequest, body: Uint8Array | undefined): string | undefined {
  if (raw.bodyLength === 0) return '';
  if (body === undefined) return undefined;
  try {
    return decoder.decode(body);
  } catch {
    return undefined;
  }
}

const NO_CLASSES: readonly number[] = Object.freeze([]);

/** Of the readings after the first: a budget that counts any of them counts the call, once. */
function otherClasses(readings: Envelope['readings']): readonly number[] {
  if (readings.length === 1) return NO_CLASSES;
  const first = readings[0].actionClass.index;
  const others = readings.map(({ actionClass }) => actionClass.index).filter((index) => index !== first);
  return others.length === 0 ? NO_CLASSES : [...new Set(others)];
}

/**
 * What a call is charged as: amount and host are those of every reading, the class that of the first. A repeated call is known by its
 * idempotency key and everything that was sent under it: another body or account header under the same key is another
 * call.
 *
 * @param body all of it; undefined where it was not read
 * @param idempotencyHeaders of the budget rules, lower case
 */
export function chargeOf(
  readings: Envelope['readings'],
  raw: RawRequest,
  body: Uint8Array | undefined,
  idempotencyHeaders: readonly string[],
  sha256Hex: Sha256Hex,
): Charge {
  const { actionClass, params, resource } = readings[0];
  const amount = params['amount'];
  const currency = params['currency'];
  const isKnown = idempotencyHeaders.length > 0 && raw.otherHeaders !== undefined;
  const given = isKnown ? keyOf(raw, idempotencyHeaders) : undefined;
  const text = given === undefined ? undefined : bodyText(raw, body);
  return {
    classIndex: actionClass.index,
    otherClasses: otherClasses(readings),
    amount: typeof amount === 'number' ? amount : undefined,
    currency: typeof currency === 'string' ? currency : undefined,
    host: resource.host,
    idempotencyHeader: text === undefined ? undefined : given?.header,
    idempotency:
      given === undefined || text === undefined ? undefined : sha256Hex(identityOf(given, raw, text)),
  };
}

/** Everything that was sent, header and key of idempotency first, in one text that no other request has. */
function identityOf({ header, key }: Idempotency, raw: RawRequest, body: string): string {
  const { hostPort, method, otherHeaders = '', scheme, target } = raw;
  // Lengths before what may hold anything.
  return [header, key, method, scheme, hostPort, target, otherHeaders, body]
    .map((part) => `${part.length}:${part}`)
    .join('');
}

/** What a pass-through call is charged as: no budget counts it, its host does. */
export function chargeWithoutClass(host: string): Charge {
  return {
    classIndex: -1,
    otherClasses: NO_CLASSES,
    amount: undefined,
    currency: undefined,
    host,
    idempotencyHeader: undefined,
    idempotency: undefined,
  };
}
