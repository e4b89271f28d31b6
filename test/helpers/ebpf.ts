/** Runs the few instructions of eBPF that a device policy is made of, as bpf(2) defines them. */
export interface DeviceContext {
  readonly type: 1 | 2;
  readonly access: number;
  readonly major: number;
  readonly minor: number;
}

export function runDeviceProgram(program: Buffer, { type, access, major, minor }: DeviceContext): number {
  const memory = [((access << 16) | type) >>> 0, major, minor];
  const registers = new Array<bigint>(11).fill(0n);
  for (let at = 0, steps = 0; steps < 4096; at += 1, steps += 1) {
    if (at < 0 || at * 8 >= program.length) throw new Error(`instruction ${at} is out of the program`);
    const code = program.readUInt8(at * 8);
    const [to, from] = [program.readUInt8(at * 8 + 1) & 15, program.readUInt8(at * 8 + 1) >> 4];
    const offset = program.readInt16LE(at * 8 + 2);
    const value = BigInt.asUintN(64, BigInt(program.readInt32LE(at * 8 + 4)));
    const [left, right] = [registers[to] as bigint, registers[from] as bigint];
    switch (code) {
      case 0x61: {
        const word = memory[offset / 4];
        if (from !== 1 || word === undefined) throw new Error(`a load from ${from}+${offset}`);
        registers[to] = BigInt(word);
        break;
      }
      case 0xb7:
        registers[to] = value;
        break;
      case 0xbf:
        registers[to] = right;
        break;
      case 0x57:
        registers[to] = left & value;
        break;
      case 0x77:
        registers[to] = left >> value;
        break;
      case 0x55:
        if (left !== value) at += offset;
        break;
      case 0x95:
        return Number(registers[0]);
      default:
        throw new Error(`instruction ${code.toString(16)}`);
    }
  }
  throw new Error('it does not end');
}
