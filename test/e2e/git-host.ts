import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { CertificateAuthority } from '../../src/proxy/ca.ts';
import { serverIdentity } from '../proxy/certificates.ts';

/** `github.com` on loopback: git's own smart HTTP server over one bare repository, `octocat/hello.git`. */
export interface GitHost {
  readonly port: number;
  /** Method and path of what came. */
  readonly seen: string[];
  /** The refs of the repository, by name. */
  refs(): string[];
  close(): Promise<void>;
}

function git(cwd: string, ...args: readonly string[]): string {
  return execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

export async function startGitHost(ca: CertificateAuthority, root: string): Promise<GitHost> {
  const repository = join(root, 'octocat', 'hello.git');
  git(root, 'init', '--quiet', '--bare', repository);
  git(repository, 'config', 'http.receivepack', 'true');
  const backend = join(git(root, '--exec-path').trim(), 'git-http-backend');
  const seen: string[] = [];
  const serve = (req: IncomingMessage, res: ServerResponse): void => {
    const { pathname, search } = new URL(`https://github.com${req.url ?? '/'}`);
    seen.push(`${req.method ?? ''} ${pathname}`);
    const child = spawn(backend, [], {
      env: {
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: pathname,
        QUERY_STRING: search.slice(1),
        REQUEST_METHOD: req.method ?? '',
        CONTENT_TYPE: req.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: req.headers['content-encoding'] ?? '',
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.stdin.on('error', () => undefined);
    req.pipe(child.stdin);
    const pieces: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
    child.once('close', () => {
      const answer = Buffer.concat(pieces);
      const end = answer.indexOf('\r\n\r\n');
      const fields = answer.subarray(0, end).toString('latin1').split('\r\n');
      const headers = fields.map((line) => line.split(': ', 2) as [string, string]);
      const status = headers.find(([name]) => name === 'Status')?.[1] ?? '200';
      res.writeHead(Number.parseInt(status, 10), headers.filter(([name]) => name !== 'Status').flat());
      res.end(answer.subarray(end + 4));
    });
  };
  const server = createServer(await serverIdentity(ca, 'github.com'), serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    refs: () => git(repository, 'for-each-ref', '--format=%(refname)').split('\n').filter(Boolean),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
