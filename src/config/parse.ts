import { ConfigInvalid, parseToml, type SourceLocation } from '@firma/core';
import { assemble } from './assemble.ts';
import type { Assembled, Locate } from './named-path.ts';

/** A file may be wrong in very many places, and finding each takes time. */
const MAX_EXPLAINED = 256;

type Path = readonly (string | number)[];

function dotted(path: Path): string {
  let text = '';
  for (const step of path)
    text += typeof step === 'number' ? `[${step}]` : `${text === '' ? '' : '.'}${step}`;
  return text;
}

interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  readonly issues?: readonly { readonly message: string }[];
}

interface Problem {
  readonly unknownKey: boolean;
  readonly message: string;
  readonly at: SourceLocation;
}

function explain(issue: Issue, locate: Locate): Problem {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  const unknown = issue.keys?.[0];
  if (unknown !== undefined) path.push(unknown);
  const message =
    issue.code === 'invalid_key' ? (issue.issues?.[0]?.message ?? issue.message) : issue.message;
  return {
    unknownKey: unknown !== undefined,
    message: path.length === 0 ? message : `\`${dotted(path)}\` ${message}`,
    at: locate(path),
  };
}

/** The problem that stands first in the file; unknown keys before all, because a mistyped key is missed elsewhere. */
function firstOf(issues: readonly Issue[], locate: Locate): ConfigInvalid {
  const all = issues.slice(0, MAX_EXPLAINED).map((issue) => explain(issue, locate));
  const unknown = all.filter((problem) => problem.unknownKey);
  const [first] = (unknown.length > 0 ? unknown : all).sort(
    (left, right) => (left.at.line ?? 0) - (right.at.line ?? 0),
  );
  return new ConfigInvalid(first?.message ?? 'is not valid', first?.at ?? locate([]));
}

// zod passes over this key in a table of free names, and what is passed over is not checked.
function refuseProto(value: unknown, path: Path, locate: Locate): void {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    const step = [...path, Array.isArray(value) ? Number(key) : key];
    if (key === '__proto__') throw new ConfigInvalid(`\`${dotted(step)}\` is no known key`, locate(step));
    refuseProto(Object.getOwnPropertyDescriptor(value, key)?.value, step, locate);
  }
}

/**
 * Reads the text of a `firma.toml`; the files it names are not looked at.
 *
 * @param file absolute path of the text: relative paths are relative to its directory
 * @throws ConfigInvalid with file and line: not TOML, a key that is not known or not supported yet, a wrong value
 */
export async function parseConfig(text: string, file: string): Promise<Assembled> {
  const { FIRMA_TOML } = await import('./schema.ts');
  const { value, locate } = parseToml(text, file, (message, at) => new ConfigInvalid(message, at));
  refuseProto(value, [], locate);
  const checked = FIRMA_TOML.safeParse(value);
  if (!checked.success) throw firstOf(checked.error.issues, locate);
  return assemble(checked.data, file, locate);
}
