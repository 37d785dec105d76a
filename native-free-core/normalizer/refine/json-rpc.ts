import type { CallBody } from '../call-body.ts';
import { couldMean, readForm } from '../form.ts';
import type { JsonValue } from '../json-reader.ts';
import { exactString, jsonOf } from './json-body.ts';
import { MAX_OPERATIONS, UNKNOWN_OPERATION, type Operation, type Operations } from './refinement.ts';

const UNKNOWN: readonly Operation[] = [UNKNOWN_OPERATION];

/** The methods of a JSON-RPC 2.0 call, or of each call of a batch. */
export function jsonRpcOperations(query: string, body: CallBody): Operations {
  const request = jsonOf(body);
  if (request === undefined || mayNameMethod(query)) return UNKNOWN;
  if (!Array.isArray(request)) return [methodOf(request)];
  return request.length === 0 ? UNKNOWN : request.slice(0, MAX_OPERATIONS).map(methodOf);
}

function methodOf(call: JsonValue): Operation {
  const name = call instanceof Map ? exactString(call, 'method') : undefined;
  return name === undefined ? UNKNOWN_OPERATION : { name, params: {} };
}

/** Some servers take the method from the query first. */
function mayNameMethod(query: string): boolean {
  const pairs = readForm(query.slice(1));
  if (pairs === undefined) return true;
  return pairs.some(({ name, hidden }) => [name, ...hidden].some((key) => couldMean(key, 'method')));
}
