/** The methods a rule without `method` stands for; another one matches only a rule that names it. */
export const KNOWN_METHODS: readonly string[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
];

const MAX_METHOD = 32;

/**
 * Why a text is no method that may be asked for or named, or undefined.
 *
 * Methods are case-sensitive (RFC 9110 §9.1). TRACE would echo what the sidecar adds to a request.
 */
export function methodProblem(method: string): string | undefined {
  if (method === 'TRACE') return 'the method `TRACE` is refused';
  if (KNOWN_METHODS.includes(method)) return undefined;
  if (method.length > MAX_METHOD || !/^[A-Z][A-Z0-9_-]*$/.test(method)) {
    return 'the method is not an upper-case token';
  }
  return undefined;
}
