import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeTools } from '../../tools.ts';
import { operationsOf } from '../../../native-free-core/normalizer/refine/operations.ts';
import { request } from '../request.ts';
import { plainBody } from './bodies.ts';
import { A, FLUSH, pkt } from './push.ts';

const run = promisify(execFile);

/** The refs the server says it has; it stores what is pushed to it and then breaks off. */
const ADVERTISED =
  pkt('# service=git-receive-pack\n') +
  FLUSH +
  pkt(`${A} refs/heads/old\0report-status delete-refs ofs-delta agent=test\n`) +
  FLUSH;

describeTools('what git sends', ['git'], () => {
  let directory = '';
  let received: Promise<Uint8Array>;
  const server = createServer();

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'push-'));
    received = new Promise((resolve) => {
      server.on('request', (req, res) => {
        if (req.method === 'GET') {
          res.setHeader('content-type', 'application/x-git-receive-pack-advertisement').end(ADVERTISED);
          return;
        }
        const pieces: Buffer[] = [];
        req.on('data', (piece: Buffer) => pieces.push(piece));
        req.on('end', () => {
          resolve(Buffer.concat(pieces));
          res.writeHead(500).end();
        });
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  });

  afterAll(async () => {
    server.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('for a push of one ref and the deletion of another', async () => {
    const env = {
      PATH: process.env['PATH'],
      HOME: directory,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
    };
    const git = (...args: readonly string[]): Promise<unknown> =>
      run('git', ['-C', directory, '-c', 'user.name=a', '-c', 'user.email=a@b.example', ...args], { env });
    await git('init', '-q');
    await git('commit', '-q', '--allow-empty', '-m', 'x');
    const { port } = server.address() as AddressInfo;
    const pushed = git('push', `http://127.0.0.1:${port}/o/r.git`, 'HEAD:refs/heads/new', ':refs/heads/old');
    await expect(pushed).rejects.toThrow(/git/);
    const body = await received;
    const operations = operationsOf(
      'git-receive-pack',
      request('POST', 'https://h.example/o/r.git/git-receive-pack'),
      '',
      plainBody({ body }),
    );
    expect(operations).toEqual(
      expect.arrayContaining([
        { name: 'create', params: { git_operation: 'create', git_ref: 'refs/heads/new' } },
        { name: 'delete', params: { git_operation: 'delete', git_ref: 'refs/heads/old' } },
      ]),
    );
    expect(operations).toHaveLength(2);
  });
});
