import { GraphqlLexer, type TokenKind } from './graphql-lexer.ts';
import { MAX_OPERATIONS, OWN_OPERATION, UNKNOWN_OPERATION, type Operation } from './refinement.ts';

const MAX_DEPTH = 64;

/**
 * What an executable document asks for: each root field of each mutation, and once what it reads. Every operation reads:
 * what a mutation selects below a root field may be anything that a query can reach.
 *
 * A root field that a fragment spread brings, and a subscription, are unknown. At most 65.
 *
 * @returns undefined where the grammar does not allow it (GraphQL, October 2021, §2), or it is nested deeper than 64
 */
export function documentOperations(document: string): readonly Operation[] | undefined {
  return new DocumentReader(document).read();
}

/** Recursive descent: each method reads one production and answers whether it was there. */
class DocumentReader {
  readonly #tokens: GraphqlLexer;
  readonly #operations: Operation[] = [];

  constructor(document: string) {
    this.#tokens = new GraphqlLexer(document);
  }

  read(): readonly Operation[] | undefined {
    do {
      if (!this.#definition()) return undefined;
    } while (this.#tokens.kind !== 'end');
    return this.#operations.length > 0 ? this.#operations : undefined;
  }

  #definition(): boolean {
    if (this.#tokens.kind === '{') {
      this.#addReading();
      return this.#selectionSet(false, 0);
    }
    switch (this.#takeName()) {
      case 'query':
        this.#addReading();
        return this.#operation(false);
      case 'mutation':
        this.#addReading();
        return this.#operation(true);
      case 'subscription':
        this.#addReading();
        this.#add(UNKNOWN_OPERATION);
        return this.#operation(false);
      case 'fragment':
        return this.#fragment();
      default:
        return false;
    }
  }

  #operation(isMutation: boolean): boolean {
    this.#takeName();
    return this.#variableDefinitions() && this.#directives() && this.#selectionSet(isMutation, 0);
  }

  #fragment(): boolean {
    const name = this.#takeName();
    return (
      name !== undefined &&
      name !== 'on' &&
      this.#takeName() === 'on' &&
      this.#takeName() !== undefined &&
      this.#directives() &&
      this.#selectionSet(false, 0)
    );
  }

  #variableDefinitions(): boolean {
    if (!this.#take('(')) return true;
    do {
      if (!this.#variable() || !this.#take(':') || !this.#type(0)) return false;
      if (this.#take('=') && !this.#value(0)) return false;
      if (!this.#directives()) return false;
    } while (!this.#take(')'));
    return true;
  }

  #type(depth: number): boolean {
    if (depth > MAX_DEPTH) return false;
    const isThere = this.#take('[')
      ? this.#type(depth + 1) && this.#take(']')
      : this.#takeName() !== undefined;
    this.#take('!');
    return isThere;
  }

  #directives(): boolean {
    while (this.#take('@')) if (this.#takeName() === undefined || !this.#arguments()) return false;
    return true;
  }

  #arguments(): boolean {
    if (!this.#take('(')) return true;
    do if (!this.#member(0)) return false;
    while (!this.#take(')'));
    return true;
  }

  /** `name: value`, of arguments and of objects. */
  #member(depth: number): boolean {
    return this.#takeName() !== undefined && this.#take(':') && this.#value(depth);
  }

  /** A variable may stand here where the grammar wants a constant: no field can hide in one. */
  #value(depth: number): boolean {
    if (depth > MAX_DEPTH) return false;
    if (this.#take('[')) {
      while (!this.#take(']')) if (!this.#value(depth + 1)) return false;
      return true;
    }
    if (this.#take('{')) {
      while (!this.#take('}')) if (!this.#member(depth + 1)) return false;
      return true;
    }
    return this.#take('string') || this.#take('number') || this.#takeName() !== undefined || this.#variable();
  }

  #variable(): boolean {
    return this.#take('$') && this.#takeName() !== undefined;
  }

  #selectionSet(isMutationRoot: boolean, depth: number): boolean {
    if (depth > MAX_DEPTH || !this.#take('{')) return false;
    do if (!this.#selection(isMutationRoot, depth)) return false;
    while (!this.#take('}'));
    return true;
  }

  #selection(isMutationRoot: boolean, depth: number): boolean {
    return this.#take('...') ? this.#spread(isMutationRoot, depth) : this.#field(isMutationRoot, depth);
  }

  /** A named or an inline fragment; the selections of an inline one stand where it stands. */
  #spread(isMutationRoot: boolean, depth: number): boolean {
    const name = this.#takeName();
    if (name !== undefined && name !== 'on') {
      if (isMutationRoot) this.#add(UNKNOWN_OPERATION);
      return this.#directives();
    }
    if (name === 'on' && this.#takeName() === undefined) return false;
    return this.#directives() && this.#selectionSet(isMutationRoot, depth + 1);
  }

  #field(isMutationRoot: boolean, depth: number): boolean {
    let name = this.#takeName();
    if (this.#take(':')) {
      if (name === undefined) return false;
      name = this.#takeName();
    }
    if (name === undefined) return false;
    // It only tells the name of the mutation's type.
    if (isMutationRoot && name !== '__typename') this.#add({ name, params: {} });
    return (
      this.#arguments() &&
      this.#directives() &&
      (this.#tokens.kind !== '{' || this.#selectionSet(false, depth + 1))
    );
  }

  #add(operation: Operation): void {
    if (this.#operations.length < MAX_OPERATIONS) this.#operations.push(operation);
  }

  /** The first of the operations, and once. */
  #addReading(): void {
    if (this.#operations.length === 0) this.#add(OWN_OPERATION);
  }

  /** Whether the next token is of that kind; it is read then. */
  #take(kind: TokenKind): boolean {
    if (this.#tokens.kind !== kind) return false;
    this.#tokens.advance();
    return true;
  }

  #takeName(): string | undefined {
    if (this.#tokens.kind !== 'name') return undefined;
    const { text } = this.#tokens;
    this.#tokens.advance();
    return text;
  }
}
