import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';

function isInstalled(tool: string): boolean {
  return spawnSync(tool, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/**
 * A suite that runs programs as a user would: reported as skipped, by name, where one is absent. Where CI prepares
 * the machine an absent program is a failure: the suite runs, and says so.
 */
export function describeTools(name: string, tools: readonly string[], suite: () => void): void {
  const absent = tools.filter((tool) => !isInstalled(tool));
  const skip = absent.length > 0 && process.env['CI'] === undefined;
  describe.skipIf(skip)(absent.length === 0 ? name : `${name} [without ${absent.join(', ')}]`, suite);
}
