/** A small interpreter of classic BPF as seccomp(2) runs it, refusing what the kernel's checker refuses. */

export interface SyscallEntry {
  readonly arch: number;
  readonly nr: number;
  readonly args: readonly bigint[];
}

export interface FilterInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

const SIZE = 8;
const DATA_SIZE = 64;
const [LD_ABS, JA, JEQ, JGT, JGE, JSET, RET] = [0x20, 0x05, 0x15, 0x25, 0x35, 0x45, 0x06] as const;

/** The struct sock_filter array as objects. */
export function decodeFilter(program: Buffer): readonly FilterInstruction[] {
  if (program.length === 0 || program.length % SIZE !== 0) throw new RangeError('not a sock_filter array');
  return Array.from({ length: program.length / SIZE }, (_, index) => ({
    code: program.readUInt16LE(index * SIZE),
    jt: program.readUInt8(index * SIZE + 2),
    jf: program.readUInt8(index * SIZE + 3),
    k: program.readUInt32LE(index * SIZE + 4),
  }));
}

/** The instructions that may follow the one at `at`; none after a return. */
export function successors({ code, jt, jf, k }: FilterInstruction, at: number): readonly number[] {
  if (code === RET) return [];
  if (code === JA) return [at + 1 + k];
  if (code === LD_ABS) return [at + 1];
  return [at + 1 + jt, at + 1 + jf];
}

/** struct seccomp_data on a little endian machine. */
export function seccompData({ arch, nr, args }: SyscallEntry): Buffer {
  const data = Buffer.alloc(DATA_SIZE);
  data.writeUInt32LE(nr >>> 0, 0);
  data.writeUInt32LE(arch >>> 0, 4);
  args.forEach((value, index) => {
    data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + index * 8);
  });
  return data;
}

export interface Verdict {
  readonly value: number;
  /** Instructions executed. */
  readonly steps: number;
}

export function runFilter(filter: readonly FilterInstruction[], entry: SyscallEntry): Verdict {
  const data = seccompData(entry);
  let accumulator = 0;
  let at = 0;
  for (let steps = 1; ; steps += 1) {
    const instruction = filter[at];
    if (!instruction) throw new RangeError(`ran off the program at ${at}`);
    if (instruction.code === RET) return { value: instruction.k, steps };
    if (instruction.code === LD_ABS) accumulator = loadWord(data, instruction.k);
    at += 1 + skip(instruction, accumulator);
  }
}

function loadWord(data: Buffer, offset: number): number {
  if (offset % 4 !== 0 || offset >= DATA_SIZE) throw new RangeError(`load of ${offset}`);
  return data.readUInt32LE(offset);
}

function skip({ code, jt, jf, k }: FilterInstruction, accumulator: number): number {
  switch (code) {
    case LD_ABS:
      return 0;
    case JA:
      return k;
    case JEQ:
      return accumulator === k ? jt : jf;
    case JGT:
      return accumulator > k ? jt : jf;
    case JGE:
      return accumulator >= k ? jt : jf;
    case JSET:
      return (accumulator & k) !== 0 ? jt : jf;
    default:
      throw new RangeError(`unknown instruction 0x${code.toString(16)}`);
  }
}
