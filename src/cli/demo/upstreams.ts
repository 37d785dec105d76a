import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { CertificateAuthority } from '../../proxy/ca.ts';
import { PIECES } from './steps.ts';

export const HOSTS = [
  'api.github.com',
  'api.stripe.com',
  'gmail.googleapis.com',
  'api.openai.com',
  'paste.rs',
] as const;

/** What arrived at a stand-in: enough to see that a credential was added, and that a denied call never came. */
export interface SeenRequest {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}

/** TLS servers on loopback that stand for the public APIs. */
export interface Upstreams {
  readonly port: number;
  readonly seen: readonly SeenRequest[];
  /** Lets the streamed answer send its next piece. */
  nextPiece(): void;
  close(): Promise<void>;
}

/** Where the model begins an answer and does not end it. */
const ENDLESS = '/v1/chat/completions';

const DAY_MS = 86_400_000;

const ANSWERS: Readonly<Record<string, unknown>> = {
  'api.github.com': { full_name: 'octocat/hello-world', private: true },
  'api.stripe.com': { id: 'pi_demo', object: 'payment_intent', status: 'succeeded' },
  'gmail.googleapis.com': { messages: [], resultSizeEstimate: 0 },
  'paste.rs': { url: 'https://paste.rs/demo' },
};

class Stream {
  #response: ServerResponse | undefined;
  #sent = 0;

  start(response: ServerResponse): void {
    this.#response = response;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    this.next();
  }

  next(): void {
    const response = this.#response;
    if (response === undefined || this.#sent === PIECES) return;
    this.#sent++;
    response.write(`data: piece ${this.#sent}\n\n`);
    if (this.#sent === PIECES) response.end();
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

/** @param ca signs the stand-ins' certificates, each for the public name */
export async function startUpstreams(ca: CertificateAuthority): Promise<Upstreams> {
  const seen: SeenRequest[] = [];
  const stream = new Stream();
  const keys = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const now = Date.now();
  const contexts = new Map<string, SecureContext>();
  for (const host of HOSTS) {
    const cert = await ca.signLeaf(host, keys.publicKey, { fromMs: now - DAY_MS, toMs: now + DAY_MS });
    contexts.set(host, createSecureContext({ key, cert }));
  }

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '' } = request;
    const { host = '', authorization } = request.headers;
    seen.push({ host, method, path: url, authorization });
    request.resume();
    if (host === 'api.openai.com' && url === ENDLESS) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: the only piece\n\n');
      return;
    }
    if (host === 'api.openai.com') {
      stream.start(response);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(ANSWERS[host] ?? {}));
  };
  const server = createServer({ SNICallback: (name, done) => done(null, contexts.get(name)) }, answer);
  const port = await listen(server);
  return {
    port,
    seen,
    nextPiece: () => stream.next(),
    close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      return closed;
    },
  };
}
