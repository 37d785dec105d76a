import type { Command } from 'commander';
import { register as registerCheck } from './policy/check.ts';
import { register as registerExplain } from './policy/explain.ts';
import { register as registerReload } from './policy/reload.ts';
import { register as registerSchema } from './policy/schema.ts';
import { register as registerTest } from './policy/test.ts';

export function register(program: Command): void {
  const policy = program.command('policy').description('check, test, explain and reload policies');
  registerCheck(policy);
  registerTest(policy);
  registerExplain(policy);
  registerSchema(policy);
  registerReload(policy);
}
