/** Reads an encoded plan by native/core/protocol.h alone, as the launcher does. */
export interface DecodedOp {
  readonly code: number;
  readonly a: number;
  readonly b: number;
  readonly c: bigint;
  readonly d: bigint;
  readonly strings: readonly string[];
  readonly bytes: Buffer;
}

export interface DecodedPlan {
  readonly mode: number;
  readonly namespaces: bigint;
  readonly ids: { readonly base: number; readonly gidBase: number; readonly count: number };
  readonly outside: readonly DecodedOp[];
  readonly after: readonly DecodedOp[];
  readonly inside: readonly DecodedOp[];
  readonly crashAt: number;
}

const HEADER = 56;
const OP = 40;

export function decodePlan(plan: Buffer): DecodedPlan {
  const word = (at: number): number => plan.readUInt32LE(at);
  if (plan.toString('latin1', 0, 4) !== 'CLLA' || word(4) !== 1) throw new Error('not a plan');
  if (word(8) !== plan.length) throw new Error(`says ${word(8)} bytes, has ${plan.length}`);
  const [outside, after, inside] = [word(36), word(40), word(44)];
  const ops: DecodedOp[] = [];
  let at = HEADER;
  while (at < plan.length) {
    const size = word(at + 4);
    if (size < OP || size % 8 !== 0 || at + size > plan.length) throw new Error(`bad size ${size} at ${at}`);
    ops.push(decodeOp(plan.subarray(at, at + size)));
    at += size;
  }
  if (ops.length !== outside + after + inside) throw new Error(`${ops.length} steps`);
  return {
    mode: word(12),
    namespaces: plan.readBigUInt64LE(16),
    ids: { base: word(24), gidBase: word(28), count: word(32) },
    outside: ops.slice(0, outside),
    after: ops.slice(outside, outside + after),
    inside: ops.slice(outside + after),
    crashAt: word(48),
  };
}

function decodeOp(op: Buffer): DecodedOp {
  const strings: string[] = [];
  let at = OP;
  for (let i = 0; i < op.readUInt32LE(32); i += 1) {
    const end = op.indexOf(0, at);
    if (end < 0) throw new Error('a string does not end');
    strings.push(op.toString('utf8', at, end));
    at = end + 1;
  }
  const bytes = op.subarray(at, at + op.readUInt32LE(36));
  if (bytes.length !== op.readUInt32LE(36)) throw new Error('bytes are cut off');
  return {
    code: op.readUInt32LE(0),
    a: op.readUInt32LE(8),
    b: op.readUInt32LE(12),
    c: op.readBigUInt64LE(16),
    d: op.readBigUInt64LE(24),
    strings,
    bytes,
  };
}
