import type { RawRequest, Refusal } from '../../native-free-core/normalizer/envelope.ts';
import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';
import { Normalizer } from '../../native-free-core/normalizer/normalizer.ts';

export interface RequestParts {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly bodyLength?: number | undefined;
}

/** A request as an interceptor would hand it over; `url` is cut by hand, because `new URL` would repair it. */
export function request(method: string, url: string, parts: RequestParts = {}): RawRequest {
  const [, scheme = '', hostPort = '', target = ''] = /^(https?):\/\/([^/?#]*)(.*)$/s.exec(url) ?? [];
  const headers = Object.entries(parts.headers ?? {}).map(
    ([name, value]) => [name, typeof value === 'string' ? [value] : value] as const,
  );
  return {
    method,
    scheme: scheme === 'http' ? 'http' : 'https',
    hostPort,
    target,
    headers: new Map(headers),
    transport: 'in-process',
    bodyLength: 'bodyLength' in parts ? parts.bodyLength : 0,
  };
}

/** A normalizer over one table written in the test. */
export function normalizerOf(text: string): Normalizer {
  return new Normalizer(loadMappings([{ file: 'table.toml', text }]));
}

/** The rule line, or the reason of the refusal. */
export function classify(normalizer: Normalizer, raw: RawRequest, body?: Uint8Array): string {
  const matched = normalizer.match(raw);
  if ('refused' in matched) return matched.refused;
  const envelope = normalizer.envelope(matched, body);
  return 'refused' in envelope ? envelope.refused : envelope.readings[0].actionClass.name;
}

export function isRefusal(value: object): value is Refusal {
  return 'refused' in value;
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
