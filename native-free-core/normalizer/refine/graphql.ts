import type { CallBody } from '../call-body.ts';
import { couldMean } from '../form.ts';
import type { JsonObject, JsonValue } from '../json-reader.ts';
import { documentOperations } from './graphql-document.ts';
import { jsonOf } from './json-body.ts';
import { OWN_OPERATION, UNKNOWN_OPERATION, type Operation, type Operations } from './refinement.ts';

/** Everything a request may have (GraphQL over HTTP). Servers look up stored documents by members of other names. */
const MEMBERS: ReadonlySet<string> = new Set(['query', 'operationName', 'variables', 'extensions']);

/** Whatever it is, it reads. */
const UNKNOWN: readonly Operation[] = [OWN_OPERATION, UNKNOWN_OPERATION];

/**
 * What a GraphQL request asks for: the root fields of every mutation of its document, by their names and not their
 * aliases, and always the operation that the rule's own class stands for: a query reads, and so does what a mutation
 * selects of its answer. `operationName` does not narrow.
 *
 * Unknown is every request whose document is not exactly that of the body: a batch, a stored document, a query string.
 */
export function graphqlOperations(query: string, body: CallBody): Operations {
  // Many servers take the document from the query string first.
  if (query.length > 1) return UNKNOWN;
  const request = jsonOf(body);
  const document = request instanceof Map ? documentOf(request) : undefined;
  return (document === undefined ? undefined : documentOperations(document)) ?? UNKNOWN;
}

function documentOf(request: JsonObject): string | undefined {
  for (const name of request.keys()) if (!MEMBERS.has(name)) return undefined;
  if (namesStoredDocument(request.get('extensions'))) return undefined;
  const document = request.get('query');
  return typeof document === 'string' ? document : undefined;
}

/** Some servers compare the stored document with the one beside it, others do not. */
function namesStoredDocument(extensions: JsonValue | undefined): boolean {
  if (!(extensions instanceof Map)) return false;
  return [...extensions.keys()].some((name) => couldMean(name, 'persistedQuery'));
}
