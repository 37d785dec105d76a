import type { CallBody } from '../call-body.ts';
import { couldMean, Unreadable } from '../form.ts';
import type { JsonObject, JsonValue } from '../json-reader.ts';

/** The JSON of a body; undefined where the body is anything else, or is not exactly known. */
export function jsonOf(body: CallBody): JsonValue | undefined {
  const content = body.content();
  return content instanceof Unreadable || content.kind !== 'json' ? undefined : content.value;
}

/** A member that is a string; undefined where it is not, or a server could take another member for it. */
export function exactString(object: JsonObject, key: string): string | undefined {
  for (const name of object.keys()) if (name !== key && couldMean(name, key)) return undefined;
  const value = object.get(key);
  return typeof value === 'string' ? value : undefined;
}
