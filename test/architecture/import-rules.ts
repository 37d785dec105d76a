import { posix } from 'node:path';

/** A source file of the project: path from its root, and text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|import\s*\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g;

/** Every module specifier a file imports, statically or not. */
export function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

const MIDDLE_ROOMS = new Set(['normalizer', 'capability', 'policy', 'session', 'audit']);
const CORE_FOUNDATION = new Set(['errors.ts', 'toml.ts', 'registry']);

// The libraries of the core, each in the room that wraps it.
const CORE_PACKAGES: Readonly<Record<string, string>> = {
  '@cedar-policy/cedar-wasm/web': 'policy',
  jose: 'capability',
  'lru-cache': 'capability',
  '@noble/hashes/sha2': 'examples',
  '@noble/hashes/utils': 'examples',
  'smol-toml': 'toml.ts',
};

// One way: a file imports from its own room or from a lower level.
const HOST_LEVEL: Readonly<Record<string, number>> = {
  'entry-point.ts': 0,
  'cedar-module.ts': 0,
  'closers.ts': 0,
  'decode-body.ts': 0,
  'exit-code.ts': 0,
  'other-headers.ts': 0,
  'sha256.ts': 0,
  'wall-clock.ts': 0,
  config: 1,
  'steady-clock.ts': 2,
  store: 2,
  session: 2,
  metrics: 2,
  pool: 2,
  load: 2,
  'enforcement-key.ts': 2,
  audit: 3,
  broker: 3,
  authority: 3,
  'call.ts': 3,
  'open-sessions.ts': 3,
  'core-in-force.ts': 3,
  'core-generations.ts': 4,
  'session-desk.ts': 3,
  'manual-decisions.ts': 3,
  'decision-point.ts': 4,
  'deciding-messages.ts': 4,
  'deciding-core.ts': 5,
  'deciding-threads.ts': 5,
  'in-process.ts': 5,
  'firma.ts': 6,
  'open-firma.ts': 7,
  'health.ts': 7,
  ingress: 7,
  proxy: 7,
  'agent-sessions.ts': 8,
  'index.ts': 8,
  'sidecar.ts': 9,
  'sidecar-process.ts': 10,
  run: 11,
  cli: 12,
};

/** The first folder (or file) below a tree: the room. */
function roomOf(path: string, tree: string): string {
  return path.slice(tree.length + 1).split('/')[0] ?? '';
}

function coreProblem(file: SourceFile, specifier: string): string | undefined {
  const room = roomOf(file.path, 'native-free-core');
  if (!specifier.startsWith('.')) {
    if (specifier.startsWith('node:')) return 'the core imports no node module';
    const owner = CORE_PACKAGES[specifier] ?? CORE_PACKAGES[specifier.split('/')[0] ?? ''];
    if (owner === undefined) return 'the core does not use this package';
    return owner === room ? undefined : `only ${owner} wraps this package`;
  }
  const target = posix.join(posix.dirname(file.path), specifier);
  if (!target.startsWith('native-free-core/')) return 'the core imports nothing outside itself';
  const targetRoom = roomOf(target, 'native-free-core');
  if (targetRoom === room || CORE_FOUNDATION.has(targetRoom)) return undefined;
  if (room === 'index.ts') return undefined;
  if (room === 'examples' && targetRoom === 'index.ts') return undefined;
  if (room === 'decision' && MIDDLE_ROOMS.has(targetRoom)) return undefined;
  return `${room} must not import ${targetRoom}`;
}

function hostProblem(file: SourceFile, specifier: string): string | undefined {
  if (specifier.startsWith('@firma/core/')) return 'the host imports @firma/core and nothing behind it';
  if (!specifier.startsWith('.')) return undefined;
  const target = posix.join(posix.dirname(file.path), specifier);
  if (!target.startsWith('src/')) return 'the host imports @firma/core and nothing behind it';
  const room = roomOf(file.path, 'src');
  const targetRoom = roomOf(target, 'src');
  const level = HOST_LEVEL[room];
  const targetLevel = HOST_LEVEL[targetRoom];
  if (level === undefined) return `${room} is no room of the design`;
  if (targetLevel === undefined) return `${targetRoom} is no room of the design`;
  if (room === targetRoom || targetLevel < level) return undefined;
  return `${room} must not import ${targetRoom}`;
}

/** The imports that go the wrong way, one line each: `file: specifier: why`. */
export function wrongImports(files: readonly SourceFile[]): string[] {
  const problems: string[] = [];
  for (const file of files) {
    for (const specifier of importsOf(file.text)) {
      const problem = file.path.startsWith('native-free-core/')
        ? coreProblem(file, specifier)
        : hostProblem(file, specifier);
      if (problem !== undefined) problems.push(`${file.path}: ${specifier}: ${problem}`);
    }
  }
  return problems;
}
