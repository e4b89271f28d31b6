/** Somebody who reads mail, and only as much of it as they are told to. */
import type { Socket } from 'node:net';
import { expect } from 'vitest';

const PATIENCE_MS = 60_000;

export class MailReader {
  readonly #socket: Socket;
  #text = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data) => {
      this.#text += data.toString('latin1');
    });
  }

  /** Reads until it is enough: what there is since the last command. */
  async takes(enough: (text: string) => boolean): Promise<string> {
    this.#socket.resume();
    await expect.poll(() => enough(this.#text), { timeout: PATIENCE_MS, interval: 20 }).toBe(true);
    this.#socket.pause();
    return this.#text;
  }

  /** Asks without reading the answer. */
  asks(tag: string, command: string): void {
    this.#text = '';
    this.#socket.write(`${tag} ${command}\r\n`);
  }

  /** What is answered. */
  async says(tag: string, command: string): Promise<string> {
    this.asks(tag, command);
    return this.takes((text) => new RegExp(`^${tag} OK`, 'm').test(text));
  }
}
