import { type Answer, errorAnswer, type IngressRequest } from '../port.ts';
import type { DecisionService } from '../service.ts';

const BEARER = 'bearer ';

/** The one value of a header; undefined where it does not stand, or stands twice. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i] !== name) continue;
    if (found !== undefined) return undefined;
    found = headers[i + 1];
  }
  return found;
}

/** Whether a request carries the key of enforcement points: `authorization: Bearer <key>`. */
export function isEnforcementPoint({ headers }: IngressRequest, service: DecisionService): boolean {
  const value = headerOf(headers, 'authorization');
  if (value === undefined || value.slice(0, BEARER.length).toLowerCase() !== BEARER) return false;
  return service.isEnforcementPoint(value.slice(BEARER.length).trim());
}

/** @param what that is only for enforcement points */
export function notAnEnforcementPoint(what: string): Answer {
  return errorAnswer(
    401,
    'UNAUTHENTICATED',
    `${what} is for enforcement points: send \`authorization: Bearer KEY\`, with the key in \`trust/enforcement.key\` of the state directory`,
    [['www-authenticate', 'Bearer']],
  );
}
