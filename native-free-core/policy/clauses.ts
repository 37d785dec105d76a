/** One `when` or `unless` of a policy. */
export interface PolicyClause {
  readonly kind: 'when' | 'unless';
  /** From 1. */
  readonly number: number;
  /** Of the policy's text, from 0. */
  readonly start: number;
  /** As written, from its word to its closing brace. */
  readonly text: string;
}

// What can hide a brace or a word: texts and comments.
const TOKEN = /"[^"\\]*(?:\\[^][^"\\]*)*"|\/\/[^\n\r]*|[{}]|(?<!@\s*)\b(?:when|unless)\b/g;

/** The clauses of a policy that parsed, in order. */
export function clausesOf(text: string): readonly PolicyClause[] {
  const clauses: PolicyClause[] = [];
  let depth = 0;
  let open: { readonly kind: 'when' | 'unless'; readonly start: number } | undefined;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '{') depth += 1;
    else if (token === '}') {
      depth -= 1;
      if (depth > 0 || open === undefined) continue;
      clauses.push({ ...open, number: clauses.length + 1, text: text.slice(open.start, index + 1) });
      open = undefined;
    } else if (depth === 0 && open === undefined && (token === 'when' || token === 'unless')) {
      open = { kind: token, start: index };
    }
  }
  return clauses;
}
