/** A media type with its parameters, `text/plain; charset=utf-8`. */
export interface MediaType {
  /** Lower case. */
  readonly type: string;
  /** By lower-case name; quotes are taken off. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** What a body that is read for its facts can be. */
export type BodyType =
  | { readonly kind: 'form' }
  | { readonly kind: 'json' }
  | { readonly kind: 'multipart'; readonly boundary: string };

const TYPE = /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/;
// A `;`, a `,` or an escape inside quotes is cut differently by different readers.
const PARAMETER = /^([a-z0-9-]+)=(?:([A-Za-z0-9!#$&'*+.^_`|~-]+)|"([^"\\;,]*)")$/i;
// RFC 2046 §5.1.1, less the comma and the blank.
const BOUNDARY = /^[A-Za-z0-9'()+_./:=?-]{1,70}$/;
const FORM: BodyType = { kind: 'form' };
const JSON_BODY: BodyType = { kind: 'json' };

/**
 * Reads one value of a content type (RFC 9110 §8.3.1).
 *
 * @returns undefined where it is none, is a list, or has a parameter twice
 */
export function readMediaType(text: string): MediaType | undefined {
  const [written = '', ...rest] = text.split(';');
  const type = written.trim().toLowerCase();
  if (!TYPE.test(type)) return undefined;
  const parameters = new Map<string, string>();
  for (const [index, parameter] of rest.entries()) {
    if (index === rest.length - 1 && parameter.trim() === '') continue;
    const [, name = '', token, quoted = ''] = PARAMETER.exec(parameter.trim()) ?? [];
    const key = name.toLowerCase();
    if (key === '' || parameters.has(key)) return undefined;
    parameters.set(key, token ?? quoted);
  }
  return { type, parameters };
}

/**
 * What the content type of a request says its body is.
 *
 * A parameter that the type does not need refuses it: there are servers that look for another type's name anywhere
 * in the header.
 *
 * @param values every `content-type` of the request
 * @returns undefined where it is no form and no JSON in UTF-8, or is not said exactly once
 */
export function bodyType(values: readonly string[]): BodyType | undefined {
  const [value] = values;
  const media = value === undefined || values.length > 1 ? undefined : readMediaType(value);
  if (media === undefined || !isUtf8(media)) return undefined;
  const { type, parameters } = media;
  const others = parameters.size - (parameters.has('charset') ? 1 : 0);
  if (type === 'multipart/form-data') {
    const boundary = parameters.get('boundary') ?? '';
    return others === 1 && BOUNDARY.test(boundary) ? { kind: 'multipart', boundary } : undefined;
  }
  if (others > 0) return undefined;
  if (type === 'application/x-www-form-urlencoded') return FORM;
  if (/multipart|urlencoded/.test(type)) return undefined;
  return /^application\/(?:[a-z0-9.-]+\+)?json$/.test(type) ? JSON_BODY : undefined;
}

/** Whether a type names no charset, or UTF-8 by its one registered name. */
export function isUtf8({ parameters }: MediaType): boolean {
  return (parameters.get('charset') ?? 'utf-8').toLowerCase() === 'utf-8';
}
