import type { WireError } from './wire-error.ts';

/** Where a running sidecar is reached: what its ready message and `GET /v1/status` say. */
export interface SidecarInfo {
  /** Path of its control socket. */
  readonly control: string;
  /** `http://127.0.0.1:<port>` of the proxy. */
  readonly proxy: string;
  /** `http://127.0.0.1:<port>` of the decision API. */
  readonly ingress: string;
  /** Its Unix socket. */
  readonly ingressSocket: string;
  /** What serves the decision API. */
  readonly adapter: string;
  /** PEM file with its certificate authority alone. */
  readonly caFile: string;
  /** PEM file with the system's authorities and its own. */
  readonly caBundle: string;
  readonly runDir: string;
  /** Its configuration file; empty for the built-in defaults. */
  readonly config: string;
  readonly warnings: readonly string[];
}

/** What a sidecar process tells its parent, once. */
export type SidecarMessage =
  | ({ readonly type: 'ready' } & SidecarInfo)
  | ({ readonly type: 'failed'; readonly exitCode: number } & WireError);

const TEXTS = [
  'control',
  'proxy',
  'ingress',
  'ingressSocket',
  'adapter',
  'caFile',
  'caBundle',
  'runDir',
  'config',
] as const;

/** Whether a value from another process is a `SidecarInfo`; other members do not matter. */
export function isSidecarInfo(value: unknown): value is SidecarInfo {
  if (typeof value !== 'object' || value === null || !('warnings' in value)) return false;
  const { warnings } = value;
  if (!Array.isArray(warnings) || !warnings.every((line) => typeof line === 'string')) return false;
  const members = new Map<string, unknown>(Object.entries(value));
  return TEXTS.every((name) => typeof members.get(name) === 'string');
}
