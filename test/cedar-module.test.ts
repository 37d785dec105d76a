import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { cedarModule } from '../src/cedar-module.ts';
import { entryPoint } from '../src/entry-point.ts';

describe('the cedar module', () => {
  it('is compiled once a process', () => {
    expect(cedarModule()).toBe(cedarModule());
  });

  it('compiles, starts and decides where code from strings is forbidden', async () => {
    const script = `
      import { cedarModule } from ${JSON.stringify(entryPoint('cedar-module.js'))};
      import { loadBundle, startCedar } from '@firma/core';
      startCedar(cedarModule());
      const text = '@id("p") permit (principal, action, resource);';
      console.log(loadBundle([{ file: 'a', text }], { params: {}, budgets: [] }).policies.length);
      try { eval('1'); } catch (error) { console.log(error.name); }`;
    const args = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toBe('1\nEvalError\n');
  });
});
