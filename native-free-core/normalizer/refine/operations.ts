import type { CallBody } from '../call-body.ts';
import type { RawRequest } from '../envelope.ts';
import { gitLfsOperations } from './git-lfs.ts';
import { graphqlOperations } from './graphql.ts';
import { jsonRpcOperations } from './json-rpc.ts';
import { receivePackOperations } from './receive-pack.ts';
import type { Operations, Refiner } from './refinement.ts';
import { soapOperations } from './soap-action.ts';

export { receivePackHeadEnds } from './receive-pack.ts';

/**
 * What a body asks for, by the reader a rule names.
 *
 * @param query of the target: empty, or `?` and the bytes as received
 * @returns at most `MAX_OPERATIONS`
 * Cost: linear in the body, of which 64 KiB are read at most.
 */
export function operationsOf(refiner: Refiner, raw: RawRequest, query: string, body: CallBody): Operations {
  switch (refiner) {
    case 'git-receive-pack':
      return receivePackOperations(body);
    case 'git-lfs':
      return gitLfsOperations(body);
    case 'graphql':
      return graphqlOperations(query, body);
    case 'soap-action':
      return soapOperations(raw, body);
    case 'json-rpc':
      return jsonRpcOperations(query, body);
  }
}
