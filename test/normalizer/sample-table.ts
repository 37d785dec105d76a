import { isRefusal, normalizerOf, request, type RequestParts } from './request.ts';

/** A small table with one rule for each thing a reading can depend on. */
export const normalizer = normalizerOf(`
[[rules]]
method = "GET"
host = "h.example"
path = "/repos/*/*"
fold = [2, 3]
action_class = "code.read"

[[rules]]
method = "DELETE"
host = "h.example"
path = "/repos/*/*"
fold = [2, 3]
action_class = "repo.admin"

[[rules]]
method = "GET"
host = "h.example"
path = "/repos/*/*/contents/**"
fold = [2, 3]
encoded_slash = true
action_class = "code.read"

[[rules]]
method = "GET"
host = "h.example"
path = "/repos/*/*/branches/*"
encoded_slash = true
action_class = "code.read"

[[rules]]
method = "GET"
host = "h.example"
path = "/items/*"
action_class = "issue.read"

[[rules]]
method = "POST"
host = "h.example"
path = "/items/*"
action_class = "issue.write"

[[rules]]
method = "GET"
host = "h.example"
path = "/items/x:purge"
action_class = "repo.admin"

[[rules]]
host = "*.models.example"
action_class = "communication.external.send"

[[rules]]
host = "plain.example"
scheme = "http"
action_class = "code.read"

[[rules]]
host = "[2001:db8::1]:8443"
action_class = "code.read"

[[rules]]
host = "api.github.com"
action_class = "code.read"

[[groups]]
name = "model"
hosts = ["*.models.example"]

[[groups]]
name = "eu"
hosts = ["*.eu.models.example", "h.example", "h.example:8443"]
`);

/** Every reading as `class METHOD uid`, or the reason of the refusal. */
export function readings(method: string, url: string, parts?: RequestParts): readonly string[] | string {
  const matched = normalizer.match(request(method, url, parts));
  if (isRefusal(matched)) return matched.refused;
  const envelope = normalizer.envelope(matched, undefined);
  if (isRefusal(envelope)) return envelope.refused;
  return envelope.readings.map(
    ({ actionClass, resource }) => `${actionClass.name} ${resource.method} ${resource.uid}`,
  );
}
