import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type SourceFile, wrongImports } from './import-rules.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

function sourcesBelow(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !relative(root, path).includes('dist/') && !path.includes('node_modules'))
    .map((path) => ({ path: relative(root, path), text: readFileSync(path, 'utf8') }));
}

const sources = [...sourcesBelow('native-free-core'), ...sourcesBelow('src')];

describe('imports run one way', () => {
  it('finds the sources', () => {
    expect(sources.length).toBeGreaterThan(40);
  });

  it('has no wrong import', () => {
    expect(wrongImports(sources)).toEqual([]);
  });

  it.each([
    ['native-free-core/registry/classes.ts', "import { readFileSync } from 'node:fs';", 'no node module'],
    ['native-free-core/session/table.ts', "const fs = await import('node:fs');", 'no node module'],
    ['native-free-core/policy/bundle.ts', "import '../session/table.ts';", 'policy must not import session'],
    ['native-free-core/audit/merkle.ts', "import { jwtVerify } from 'jose';", 'only capability'],
    [
      'native-free-core/registry/x.ts',
      "export { x } from '../decision/decide.ts';",
      'must not import decision',
    ],
    ['native-free-core/normalizer/x.ts', "import { x } from '../../src/firma.ts';", 'nothing outside itself'],
    [
      'src/proxy/server.ts',
      "import { x } from '../../native-free-core/policy/port.ts';",
      'nothing behind it',
    ],
    ['src/proxy/server.ts', "import { x } from '@firma/core/dist/policy/port.js';", 'nothing behind it'],
    ['src/proxy/server.ts', "import { x } from '../ingress/port.ts';", 'proxy must not import ingress'],
    ['src/broker/client.ts', "import { x } from '../proxy/server.ts';", 'broker must not import proxy'],
    ['src/helpers/x.ts', "import { x } from '../config/config.ts';", 'no room of the design'],
  ])('fails when %s says %s', (path, text, why) => {
    expect(wrongImports([...sources, { path, text }])).toEqual([expect.stringContaining(why)]);
  });
});

describe('the top level of the project', () => {
  it('holds what the design names and nothing else', () => {
    const tracked = new Set(['dist', 'node_modules', '.git']);
    const names = readdirSync(root).filter((name) => !tracked.has(name));
    const allowed = new Set([
      ...['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.base.json', 'vitest.config.ts'],
      ...['src', 'native-free-core', 'mappings', 'policies', 'bench', 'test'],
      ...['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'LICENSE'],
      ...['.ci', '.gitignore', '.npmrc', '.oxlintrc.json', '.prettierrc.json', '.prettierignore'],
    ]);
    expect(names.filter((name) => !allowed.has(name))).toEqual([]);
  });
});
