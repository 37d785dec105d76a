import { CallBody } from '../../../native-free-core/normalizer/call-body.ts';
import { operationsOf } from '../../../native-free-core/normalizer/refine/operations.ts';
import type { Refiner } from '../../../native-free-core/normalizer/refine/refinement.ts';
import { bytes, request, type RequestParts } from '../request.ts';

export interface Sent {
  readonly body: string | Uint8Array | undefined;
  readonly headers?: RequestParts['headers'];
  /** With its `?`. */
  readonly query?: string;
}

/** A body as it was sent, without content coding. */
export function plainBody({ body, headers = {}, query = '' }: Sent): CallBody {
  return new CallBody(rawOf(headers, query), typeof body === 'string' ? bytes(body) : body, undefined);
}

/** The names of the operations: `own` where the rule's class stands, `unknown` for the strictest; or what is malformed. */
export function operationNames(refiner: Refiner, sent: Sent): readonly string[] | string {
  const { headers = {}, query = '' } = sent;
  const operations = operationsOf(refiner, rawOf(headers, query), query, plainBody(sent));
  if ('malformed' in operations) return operations.malformed;
  return operations.map(({ name = 'own' }) => (name === '' ? 'unknown' : name));
}

function rawOf(headers: NonNullable<RequestParts['headers']>, query: string): ReturnType<typeof request> {
  return request('POST', `https://h.example/service${query}`, { headers, bodyLength: undefined });
}
