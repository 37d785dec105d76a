import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { entryPoint } from '../../src/entry-point.ts';

const SCRIPT = `
const [, file, adapter] = process.argv;
const { startIngressPool } = await import(file);
let refused = false;
try { eval('1'); } catch { refused = true; }
const handler = { decide: async (body) => ({ status: 200, body: Buffer.from(body).toString() }) };
const ingress = await startIngressPool({ listen: { host: '127.0.0.1', port: 0 }, adapter, handler });
const url = 'http://127.0.0.1:' + ingress.port + '/v1/decide';
const answer = await fetch(url, { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } });
console.log(JSON.stringify({ refused, adapter: ingress.adapter, body: await answer.text() }));
await ingress.close();
`;

describe('in a process that makes no code from strings', () => {
  it.each(['uws', 'node'])(
    'the ingress worker runs with adapter `%s`, and leaves nothing open',
    async (adapter) => {
      const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', SCRIPT];
      const file = entryPoint('ingress/ingress-pool.js');
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, file, adapter]);
      expect(JSON.parse(stdout)).toEqual({ refused: true, adapter, body: '{"a":1}' });
      expect(stderr).toBe('');
    },
  );
});
