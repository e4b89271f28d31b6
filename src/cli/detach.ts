/** The keys that end a session at a console: ESC and then '.', at the beginning of a line. */

const ESC = 0x1b;
const DOT = 0x2e;
const LINE_ENDS = [0x0a, 0x0d];

/** Takes what is typed; returns what is for the guest, and whether that was all. An ESC waits for what comes next. */
export class DetachKeys {
  #state: 'line begins' | 'escaped' | 'within a line' = 'line begins';

  take(typed: Uint8Array): { readonly typed: Uint8Array; readonly detached: boolean } {
    const passed: number[] = [];
    for (const byte of typed) {
      if (this.#state === 'escaped') {
        if (byte === DOT) return { typed: Uint8Array.from(passed), detached: true };
        passed.push(ESC);
      }
      if (byte === ESC && this.#state === 'line begins') {
        this.#state = 'escaped';
        continue;
      }
      passed.push(byte);
      this.#state = LINE_ENDS.includes(byte) ? 'line begins' : 'within a line';
    }
    return { typed: Uint8Array.from(passed), detached: false };
  }
}
