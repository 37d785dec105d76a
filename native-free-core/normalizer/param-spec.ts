import type { ParamType } from '../registry/param-type.ts';
import { keyParts, type KeyParts } from './form-key.ts';
import type { Invalid } from './pattern.ts';

export type ParamSource = 'form' | 'json' | 'query' | 'path' | 'header';

/** Where a rule's fact stands in a request. */
export interface ParamSpec {
  readonly name: string;
  readonly type: ParamType;
  readonly source: ParamSource;
  /** As written, `form:amount`. */
  readonly text: string;
  /** Form or query key, lower-case header name, or empty. */
  readonly key: string;
  /** The unescaped reference tokens of a JSON pointer (RFC 6901), or name and groups of a form or query key. */
  readonly parts: KeyParts;
  /** Path segment, from 0. */
  readonly segment: number;
}

/** Headers whose values are secrets: never a fact, a record or a log. */
const SECRET_HEADERS = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key']);

const MAX_POINTER_TOKENS = 16;
const MAX_PATH_SEGMENT = 64;

/** The type of a fact follows from its name, so that every rule that declares it means the same. */
export function paramType(name: string): ParamType {
  return name === 'amount' || name === 'count' ? 'long' : 'string';
}

/** Reads one line of `[rules.params]`. */
export function compileParam(name: string, text: string): ParamSpec | Invalid {
  if (!/^[a-z][a-z0-9_]{0,31}$/.test(name)) {
    return {
      invalid: `param \`${name}\` is no name; write lower case letters, digits and \`_\`, at most 32`,
    };
  }
  const colon = text.indexOf(':');
  const source = text.slice(0, Math.max(colon, 0));
  const rest = text.slice(colon + 1);
  const spec = { name, type: paramType(name), text, key: '', parts: [], segment: 0 };
  switch (source) {
    case 'form':
    case 'query': {
      const parts = keyParts(rest);
      if (parts === undefined) {
        return {
          invalid:
            `\`${text}\` names no key; write \`${source}:name\` with letters, digits, \`_\`, \`.\`, \`-\`, ` +
            'and up to 8 groups such as `[name]` or `[0]` behind it',
        };
      }
      return { ...spec, source, key: rest, parts };
    }
    case 'json': {
      const parts = readPointer(rest);
      if (parts === undefined) {
        return { invalid: `\`${text}\` is no JSON pointer; write \`json:/amount\` (RFC 6901)` };
      }
      return { ...spec, source, parts };
    }
    case 'path': {
      const segment = /^[1-9][0-9]?$/.test(rest) ? Number(rest) : 0;
      if (segment < 1 || segment > MAX_PATH_SEGMENT) {
        return {
          invalid: `\`${text}\` names no path segment; write \`path:1\` to \`path:${MAX_PATH_SEGMENT}\``,
        };
      }
      return { ...spec, source, segment: segment - 1 };
    }
    case 'header':
      if (!/^[a-z0-9-]{1,64}$/.test(rest)) {
        return { invalid: `\`${text}\` names no header; write its name in lower case` };
      }
      if (SECRET_HEADERS.has(rest))
        return { invalid: `\`${text}\` would read a secret; it never becomes a fact` };
      return { ...spec, source, key: rest };
    default:
      return {
        invalid: `\`${text}\` names no source; write \`form:\`, \`json:\`, \`query:\`, \`path:\` or \`header:\``,
      };
  }
}

function readPointer(text: string): KeyParts | undefined {
  if (!/^(?:\/(?:[^/~]|~[01])+)+$/.test(text)) return undefined;
  const tokens = text.slice(1).split('/').map(unescapeToken);
  return tokens.length > MAX_POINTER_TOKENS ? undefined : tokens;
}

function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}
