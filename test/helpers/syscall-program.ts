/**
 * A static x86-64 program that makes one system call, in any of the three ABIs that such a process can use, and exits
 * with its errno: 0 where it worked. Nothing in a guest or on a host is needed to build it.
 */
export type Abi = 'x64' | 'x32' | 'i386';

const BASE = 0x400000;
const HEADERS = 64 + 56;
const X32_BIT = 0x40000000;

/** mov r32, imm32: rdi, rsi, rdx and ebx, ecx, edx. */
const ARGUMENTS = { x64: [0xbf, 0xbe, 0xba], i386: [0xbb, 0xb9, 0xba] } as const;

export function syscallProgram(abi: Abi, number: number, args: readonly number[]): Buffer {
  const move = (opcode: number, value: number): readonly number[] => {
    const immediate = Buffer.alloc(4);
    immediate.writeUInt32LE(value >>> 0);
    return [opcode, ...immediate];
  };
  const registers = abi === 'i386' ? ARGUMENTS.i386 : ARGUMENTS.x64;
  const code = Buffer.from([
    ...move(0xb8, abi === 'x32' ? number + X32_BIT : number),
    ...registers.flatMap((register, i) => move(register, args[i] ?? 0)),
    ...(abi === 'i386' ? [0xcd, 0x80] : [0x0f, 0x05]),
    ...[0x31, 0xff], // xor edi, edi
    ...[0x85, 0xc0], // test eax, eax
    ...[0x79, 0x04], // jns over the next two
    ...[0x89, 0xc7], // mov edi, eax
    ...[0xf7, 0xdf], // neg edi
    ...[0xb8, 0x3c, 0x00, 0x00, 0x00], // mov eax, exit
    ...[0x0f, 0x05],
  ]);
  return Buffer.concat([headers(code.length), code]);
}

/** One segment, read and executed (elf(5)). */
function headers(codeSize: number): Buffer {
  const bytes = Buffer.alloc(HEADERS);
  bytes.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  bytes.writeUInt16LE(2, 16); // ET_EXEC
  bytes.writeUInt16LE(62, 18); // EM_X86_64
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(BASE + HEADERS), 24);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(1, 64); // PT_LOAD
  bytes.writeUInt32LE(5, 68);
  for (const at of [80, 88]) bytes.writeBigUInt64LE(BigInt(BASE), at);
  for (const at of [96, 104]) bytes.writeBigUInt64LE(BigInt(HEADERS + codeSize), at);
  bytes.writeBigUInt64LE(0x1000n, 112);
  return bytes;
}
