/** A small assembler for classic BPF, as seccomp(2) takes it: forward jumps by label, checked to fit. */

const LD_ABS = 0x20;
const JA = 0x05;
const JEQ = 0x15;
const JGE = 0x35;
const JSET = 0x45;
const RET = 0x06;

type Target = string | null;
interface Instruction {
  readonly code: number;
  readonly k: number;
  /** null: the next instruction. */
  readonly yes: Target;
  readonly no: Target;
}

export class BpfProgram {
  readonly #code: Instruction[] = [];
  readonly #labels = new Map<string, number>();
  #count = 0;

  newLabel(): string {
    this.#count += 1;
    return `label ${this.#count}`;
  }

  label(name: string): void {
    this.#labels.set(name, this.#code.length);
  }

  load(offset: number): void {
    this.#code.push({ code: LD_ABS, k: offset, yes: null, no: null });
  }

  jump(to: string): void {
    this.#code.push({ code: JA, k: 0, yes: to, no: null });
  }

  /** Goes to `yes` when the test holds, else to `no`. */
  test(kind: 'equal' | 'atLeast' | 'anyBit', k: number, yes: Target, no: Target): void {
    const code = { equal: JEQ, atLeast: JGE, anyBit: JSET }[kind];
    this.#code.push({ code, k, yes, no });
  }

  answer(value: number): void {
    this.#code.push({ code: RET, k: value, yes: null, no: null });
  }

  /** As an array of struct sock_filter. */
  assemble(): Buffer {
    const bytes = Buffer.alloc(this.#code.length * 8);
    this.#code.forEach(({ code, k, yes, no }, at) => {
      const [jt, jf] = [this.#distance(at, yes), this.#distance(at, no)];
      if (code !== JA && (jt > 255 || jf > 255)) throw new RangeError('a conditional jump is too long');
      bytes.writeUInt16LE(code, at * 8);
      bytes.writeUInt8(code === JA ? 0 : jt, at * 8 + 2);
      bytes.writeUInt8(code === JA ? 0 : jf, at * 8 + 3);
      bytes.writeUInt32LE(code === JA ? jt : k >>> 0, at * 8 + 4);
    });
    return bytes;
  }

  #distance(from: number, to: Target): number {
    if (to === null) return 0;
    const at = this.#labels.get(to);
    if (at === undefined || at <= from) throw new RangeError(`no ${to} ahead`);
    return at - from - 1;
  }
}
