import type { Command } from 'commander';
import { register as registerCheck } from './mapping/check.ts';
import { register as registerCoverage } from './mapping/coverage.ts';
import { register as registerDiff } from './mapping/diff.ts';

export function register(program: Command): void {
  const mapping = program.command('mapping').description('check mapping tables, measure and compare them');
  registerCheck(mapping);
  registerCoverage(mapping);
  registerDiff(mapping);
}
