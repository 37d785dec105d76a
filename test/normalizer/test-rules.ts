import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';
import { canonicalTarget } from '../../native-free-core/normalizer/target.ts';

/** A rule as a test writes it; what is left out, the table leaves out. */
export interface TestRule {
  readonly scheme?: string;
  readonly host: string;
  readonly path?: string;
  readonly method?: readonly string[];
  readonly fold?: readonly number[];
}

export function tableOf(rules: readonly TestRule[]): string {
  return rules
    .map((rule) =>
      [
        '[[rules]]',
        `host = "${rule.host}"`,
        ...(rule.scheme === undefined ? [] : [`scheme = "${rule.scheme}"`]),
        ...(rule.path === undefined ? [] : [`path = "${rule.path}"`]),
        ...(rule.method === undefined ? [] : [`method = ${JSON.stringify(rule.method)}`]),
        ...(rule.fold === undefined ? [] : [`fold = ${JSON.stringify(rule.fold)}`]),
        'action_class = "code.read"',
      ].join('\n'),
    )
    .join('\n');
}

/** Answers with the position of the rule in the list, or -1. */
export function compile(rules: readonly TestRule[]): (method: string, url: string) => number {
  const text = tableOf(rules);
  const mappings = loadMappings([{ file: 't', text }]);
  const starts = text.split('\n').flatMap((line, index) => (line === '[[rules]]' ? [index + 1] : []));
  return (method, url) => {
    const slash = url.indexOf('/');
    const target = canonicalTarget('https', url.slice(0, slash), url.slice(slash));
    if ('malformed' in target) throw new Error(target.malformed);
    const found = mappings.rules[mappings.trie.match(target, target.matchPath, method)];
    return found === undefined ? -1 : starts.indexOf(found.rule.line);
  };
}
