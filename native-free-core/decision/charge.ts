import type { Envelope, RawRequest } from '../normalizer/envelope.ts';
import type { Charge } from '../session/budget.ts';
import type { Sha256Hex } from './ports.ts';

/** What is hashed of a request beside its idempotency key. */
export interface Sent {
  readonly raw: RawRequest;
  /** All of it; undefined where it was not read. */
  readonly body: Uint8Array | undefined;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The one idempotency key of a request. One that carries several of the headers, a header twice, or an empty one, has
 * none that can be relied on, and is charged like any other.
 */
function keyOf(raw: RawRequest, headers: readonly string[]): { header: string; key: string } | undefined {
  let found: { header: string; key: string } | undefined;
  for (const header of headers) {
    const values = raw.headers.get(header);
    if (values === undefined) continue;
    const [key] = values;
    if (found !== undefined || values.length !== 1 || key === undefined || key === '') return undefined;
    found = { header, key };
  }
  return found;
}

function bodyText({ raw, body }: Sent): string | undefined {
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
 * @param idempotencyHeaders of the budget rules, lower case
 */
export function chargeOf(
  readings: Envelope['readings'],
  sent: Sent,
  idempotencyHeaders: readonly string[],
  sha256Hex: Sha256Hex,
): Charge {
  const { actionClass, params, resource } = readings[0];
  const amount = params['amount'];
  const currency = params['currency'];
  const { raw } = sent;
  const isKnown = idempotencyHeaders.length > 0 && raw.otherHeaders !== undefined;
  const given = isKnown ? keyOf(raw, idempotencyHeaders) : undefined;
  const body = given === undefined ? undefined : bodyText(sent);
  return {
    classIndex: actionClass.index,
    otherClasses: otherClasses(readings),
    amount: typeof amount === 'number' ? amount : undefined,
    currency: typeof currency === 'string' ? currency : undefined,
    host: resource.host,
    idempotencyHeader: body === undefined ? undefined : given?.header,
    // Lengths before what may hold anything, so that no two requests are written alike.
    idempotency:
      given === undefined || body === undefined
        ? undefined
        : sha256Hex(
            [given.key, raw.method, raw.scheme, raw.hostPort, raw.target, raw.otherHeaders ?? '', body]
              .map((part) => `${part.length}:${part}`)
              .join(''),
          ),
  };
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
