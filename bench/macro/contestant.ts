import { request } from 'node:http';

/** A server under load, in a process of its own, and what it is asked. */
export interface Contestant {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** A request's body for each agent. */
  readonly bodies: readonly string[];
  /** The process that answers. */
  readonly pid: number;
  /** Whether one of its threads does all the work of a decision, or any of them do. */
  readonly threads: 'one' | 'many';
  /** How many decisions it counted that came out right; absent where it does not count. */
  counted?(): Promise<number>;
  isRight(status: number, body: string): boolean;
  close(): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 10_000;

/** One request on a connection of its own. */
export function post(
  { host, port, path }: Pick<Contestant, 'host' | 'port' | 'path'>,
  body: string,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request({ host, port, path, method: 'POST', headers, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
      response.on('error', reject);
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', reject);
    sent.end(body);
  });
}

/**
 * Asks for every agent once, so that tokens are known and code is compiled, and looks at each answer.
 *
 * @throws Error where one is wrong: a bench that times a wrong answer times nothing
 */
export async function warmUp(contestant: Contestant): Promise<void> {
  for (const body of contestant.bodies) {
    const reply = await post(contestant, body);
    if (!contestant.isRight(reply.status, reply.body)) {
      throw new Error(`${contestant.name} answered ${reply.status} ${reply.body.slice(0, 300)}`);
    }
  }
}

/** Resolves once it answers with 200. */
export async function answering(
  target: Pick<Contestant, 'host' | 'port' | 'path'>,
  body: string,
): Promise<void> {
  const until = performance.now() + TIMEOUT_MS;
  for (;;) {
    const status = await post(target, body).then(
      (reply) => reply.status,
      () => 0,
    );
    if (status === 200) return;
    if (performance.now() > until) throw new Error(`no 200 from ${target.path} in time, but ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
