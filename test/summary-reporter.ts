import type { Reporter, TestModule } from 'vitest/node';

/** Closes a run with one plain line, and names every suite or test that was skipped. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    let passed = 0;
    let failed = 0;
    const skipped: string[] = [];
    for (const module of modules) {
      if (module.state() === 'failed' && [...module.children.allTests('failed')].length === 0) failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') failed++;
        else skipped.push(`${module.relativeModuleId}: ${test.fullName}`);
      }
    }
    const lines = skipped.map((name) => `skipped: ${name}`);
    lines.push(`Tests: ${passed} passed, ${failed} failed, ${skipped.length} skipped`, '');
    process.stdout.write(`\n${lines.join('\n')}`);
  }
}
