import { isRecord } from '../../../../native-free-core/policy/expression.ts';
import type { Entities } from '../../../../native-free-core/policy/compiled/access.ts';
import { readRecord, readUid } from './json-values.ts';
import type { CedarRecord, EntityUid } from '../../../../native-free-core/policy/compiled/value.ts';

interface StoredEntity {
  readonly attributes: CedarRecord;
  readonly tags: CedarRecord;
  readonly parents: readonly EntityUid[];
}

function readEntity(json: Readonly<Record<string, unknown>>): StoredEntity | undefined {
  const attributes = readRecord(json['attrs'] ?? {});
  const tags = readRecord(json['tags'] ?? {});
  const given: unknown = json['parents'] ?? [];
  if (attributes === undefined || tags === undefined || !Array.isArray(given)) return undefined;
  const parents = given.map(readUid).filter((parent) => parent !== undefined);
  return parents.length === given.length ? { attributes, tags, parents } : undefined;
}

/** Entities of Cedar's JSON. */
export class EntityStore implements Entities {
  readonly #entities: ReadonlyMap<string, StoredEntity>;
  /** By key of an entity, the keys of all it is in; filled as they are asked for. */
  readonly #ancestors = new Map<string, ReadonlySet<string>>();

  private constructor(entities: ReadonlyMap<string, StoredEntity>) {
    this.#entities = entities;
  }

  /** @returns undefined where one of them is no entity, or stands there twice */
  static read(json: readonly unknown[]): EntityStore | undefined {
    const entities = new Map<string, StoredEntity>();
    for (const item of json) {
      const uid = isRecord(item) ? readUid(item['uid']) : undefined;
      const entity = isRecord(item) ? readEntity(item) : undefined;
      if (uid === undefined || entity === undefined || entities.has(uid.key)) return undefined;
      entities.set(uid.key, entity);
    }
    return new EntityStore(entities);
  }

  attributes(uid: EntityUid): CedarRecord | undefined {
    return this.#entities.get(uid.key)?.attributes;
  }

  tags(uid: EntityUid): CedarRecord | undefined {
    return this.#entities.get(uid.key)?.tags;
  }

  isIn(uid: EntityUid, ancestor: EntityUid): boolean {
    return uid.key === ancestor.key || this.#ancestorsOf(uid.key).has(ancestor.key);
  }

  #ancestorsOf(key: string): ReadonlySet<string> {
    const known = this.#ancestors.get(key);
    if (known !== undefined) return known;
    const found = new Set<string>();
    const open = [key];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const parent of this.#entities.get(next)?.parents ?? []) {
        if (found.has(parent.key)) continue;
        found.add(parent.key);
        open.push(parent.key);
      }
    }
    this.#ancestors.set(key, found);
    return found;
  }
}
