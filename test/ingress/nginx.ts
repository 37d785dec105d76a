import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where Debian and others put it. */
export const NGINX = '/usr/sbin/nginx';

function configuration(folder: string, firma: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  return `
daemon off;
master_process off;
pid ${join(folder, 'pid')};
error_log stderr crit;
events { worker_connections 64; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  upstream firma { server ${firma}; }
  server {
    listen unix:${join(folder, 'front.sock')};
    location / {
      auth_request /firma;
      auth_request_set $firma_reason $upstream_http_x_firma_reason;
      add_header x-firma-reason $firma_reason always;
      proxy_pass http://unix:${join(folder, 'back.sock')};
    }
    location = /firma {
      internal;
      proxy_pass http://firma/ext_authz/;
      proxy_http_version 1.1;
      proxy_pass_request_body off;
      proxy_set_header content-length "";
      proxy_set_header x-original-method $request_method;
      proxy_set_header x-original-uri $request_uri;
      proxy_set_header x-original-host $http_host;
      proxy_set_header x-original-proto https;
    }
  }
  server {
    listen unix:${join(folder, 'back.sock')};
    location / { return 200 "passed"; }
  }
}
`;
}

/** nginx in front of an API, with a server behind it that answers `passed`. */
export interface Nginx {
  /** Path of the Unix socket on which it takes calls. */
  readonly front: string;
  close(): Promise<void>;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/**
 * Starts nginx with a configuration of its own.
 *
 * @param folder an empty one, which is for it alone
 * @param firma the API as nginx names a server: `unix:<path>` or `<host>:<port>`
 */
export async function startNginx(folder: string, firma: string): Promise<Nginx> {
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(folder, firma));
  // It is written once nginx listens.
  const listening = new Promise<void>((resolve) => {
    const watcher = watch(folder, () => {
      if (!existsSync(join(folder, 'pid'))) return;
      watcher.close();
      resolve();
    });
  });
  const child = spawn(NGINX, ['-p', folder, '-c', file], { stdio: 'ignore' });
  const gone = ended(child);
  await Promise.race([listening, gone]);
  if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`);
  return {
    front: join(folder, 'front.sock'),
    async close() {
      child.kill('SIGTERM');
      await gone;
    },
  };
}
