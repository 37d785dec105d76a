import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { canonicalize } from '../../native-free-core/audit/canonical-json.ts';
import { signCheckpoint } from '../../native-free-core/audit/checkpoint.ts';
import { leafHash, MerkleTree } from '../../native-free-core/audit/merkle.ts';
import { makeVerifierKey } from '../../native-free-core/audit/signed-note.ts';
import type { NoteSigner, VerifySignature } from '../../native-free-core/audit/signed-note.ts';
import { verifyLog } from '../../native-free-core/audit/verify.ts';
import type { LogReport } from '../../native-free-core/audit/verify.ts';
import { sha256 } from './node-hash.ts';

const pairs = new Map<string, ReturnType<typeof generateKeyPairSync>>();

export function makeSigner(name: string): NoteSigner {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const key = makeVerifierKey(name, Uint8Array.from(raw), sha256);
  pairs.set(raw.toString('hex'), { publicKey, privateKey });
  return { key, sign: (bytes) => sign(null, bytes, privateKey) };
}

export const verifySignature: VerifySignature = (publicKey, message, signature) => {
  const pair = pairs.get(Buffer.from(publicKey).toString('hex'));
  return pair !== undefined && verify(null, message, pair.publicKey, signature);
};

export const eventIdOf = (seq: number): string => `01900000-0000-7000-8000-${String(seq).padStart(12, '0')}`;

export const recordText = (seq: number, reason = 'OK'): string =>
  canonicalize({ v: 1, kind: 'decision', seq, event_id: eventIdOf(seq), reason, outcome: 'ALLOW' });

export interface SampleLog {
  readonly signer: NoteSigner;
  readonly lines: readonly string[];
  /** One signed note for each size asked for. */
  readonly notes: readonly string[];
  readonly hashes: Uint8Array;
}

export async function sampleLog(
  records: number,
  checkpointSizes: readonly number[],
  signer = makeSigner('test'),
  reason = 'OK',
): Promise<SampleLog> {
  const tree = new MerkleTree(sha256);
  const lines: string[] = [];
  const leaves: Uint8Array[] = [];
  const notes: string[] = [];
  for (let seq = 0; seq < records; seq++) {
    const text = recordText(seq, reason);
    const leaf = leafHash(Buffer.from(text), sha256);
    lines.push(text);
    leaves.push(leaf);
    tree.append(leaf);
    if (checkpointSizes.includes(tree.size)) {
      notes.push(await signCheckpoint({ origin: 'test/log', size: tree.size, root: tree.root() }, signer));
    }
  }
  return { signer, lines, notes, hashes: Buffer.concat(leaves) };
}

export interface Tampered {
  readonly lines?: readonly string[];
  /** In place of `lines`: the file as it is. */
  readonly bytes?: Uint8Array;
  readonly notes?: readonly string[];
  readonly hashes?: Uint8Array | undefined;
  readonly knownCheckpoint?: string;
}

/** Verifies a log, with parts of it replaced. `hashes: undefined` is a log without its leaf hashes. */
export function verifySample(log: SampleLog, tampered: Tampered = {}): Promise<LogReport> {
  const lines = tampered.lines ?? log.lines;
  const bytes = tampered.bytes ?? Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const notes = Buffer.from((tampered.notes ?? log.notes).map((note) => `${note}\n`).join(''));
  const hashes = 'hashes' in tampered ? tampered.hashes : log.hashes;
  return verifyLog({
    // Pieces that fit no line, so that cutting is exercised everywhere.
    log: Array.from({ length: Math.ceil(bytes.length / 100) }, (_, i) =>
      bytes.subarray(i * 100, i * 100 + 100),
    ),
    checkpoints: [notes],
    verifierKey: log.signer.key,
    sha256,
    verify: verifySignature,
    leafHashes: () => Promise.resolve(hashes),
    ...(tampered.knownCheckpoint === undefined ? {} : { knownCheckpoint: tampered.knownCheckpoint }),
  });
}
