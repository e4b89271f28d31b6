/**
 * The keeper (native/core/keeper.cc): a small process that is the parent of every init started through it, so that
 * whoever asks learns how one ended, and that holds their consoles while the node service is away.
 */
import { closeSync } from 'node:fs';
import { isErrno } from '../errors.js';
import { type Ended, native, type Packet } from '../native/binding.js';
import { encodePlan } from '../plan/encode.js';
import { KEEPER } from '../plan/plan-start.js';
import { NO_STDIO } from './launcher.js';

/** Of native/core/protocol.h. */
const SAY = { go: 3, terminal: 4, ready: 5, claim: 8, collect: 9, ended: 10, attend: 11 } as const;

/** Tells a process from a later one with the same pid. */
export interface InitId {
  readonly pid: number;
  readonly startTime: string;
}

/** As InitId, as far as the keeper knows. */
export interface KeptConsole {
  readonly pid: number;
  readonly token: number;
  /** The receiver's to close. */
  readonly master: number;
}

export function tokenOf({ startTime }: InitId): number {
  return Number(BigInt(startTime || '0') & 0xffff_ffffn);
}

export class Keeper implements Disposable {
  readonly socket: number;
  #open = true;

  private constructor(socket: number) {
    this.socket = socket;
  }

  /** Undefined where there is none. */
  static connect(path: string): Keeper | undefined {
    try {
      return new Keeper(native().connectPacket(path));
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ECONNREFUSED', 'ENAMETOOLONG', 'EAGAIN')) return undefined;
      throw error;
    }
  }

  /** Makes one where there is none; it ends by itself when it has nothing to keep. Returns the pid of a new one. */
  static async start(path: string): Promise<number> {
    const socket = native().listenPacket(path);
    try {
      const { pid, control } = await native().spawn(encodePlan(KEEPER), NO_STDIO, socket);
      closeSync(control);
      return pid;
    } finally {
      closeSync(socket);
    }
  }

  /** From now on it remembers how the child ends; false for one that has ended, or is not its child. */
  async claim(init: InitId): Promise<boolean> {
    return (await this.#ask(SAY.claim, init))?.say === SAY.ready;
  }

  /** The master stays the caller's. */
  async giveConsole(init: InitId, master: number): Promise<boolean> {
    return (await this.#ask(SAY.terminal, init, master))?.say === SAY.ready;
  }

  /** How it ended; undefined: it runs, or is not known. */
  async collect(init: InitId): Promise<Ended | undefined> {
    const answer = await this.#ask(SAY.collect, init);
    return answer?.say === SAY.ended ? endedOf(answer.value) : undefined;
  }

  /** Whoever asks next is not told any more. */
  forget(init: InitId): void {
    this.#send(SAY.go, init, -1);
  }

  /** Calls back for every console that there is and will be; settles when the connection ends. */
  async attend(take: (console: KeptConsole) => void): Promise<void> {
    const next = (): void => native().sendPacket(this.socket, { say: SAY.attend, value: 0, token: 0 }, -1);
    next();
    for (;;) {
      const packet = await native().receivePacket(this.socket, true);
      if (!packet) return;
      if (packet.say === SAY.terminal && packet.fd >= 0)
        take({ pid: packet.value, token: packet.token, master: packet.fd });
      if (packet.say !== SAY.ready) next();
    }
  }

  /** Ends attend(). */
  end(): void {
    if (this.#open) native().endPackets(this.socket);
  }

  async #ask(say: number, init: InitId, fd = -1): Promise<Packet | null> {
    return this.#send(say, init, fd) ? native().receivePacket(this.socket, false) : null;
  }

  /** False where it has ended: what it would have done is done without it, or not at all. */
  #send(say: number, init: InitId, fd: number): boolean {
    try {
      native().sendPacket(this.socket, { say, value: init.pid, token: tokenOf(init) }, fd);
      return true;
    } catch (error) {
      if (isErrno(error, 'EPIPE', 'ECONNRESET')) return false;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.socket);
    this.#open = false;
  }
}

/** A status as wait(2) has it. */
function endedOf(status: number): Ended {
  const signal = status & 0x7f;
  return signal === 0 ? { code: (status >> 8) & 0xff, signal: null } : { code: null, signal };
}
