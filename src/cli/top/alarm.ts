/** Waiting that can be cut short. */

export class Alarm {
  readonly #signal: AbortSignal;
  #isRung = false;
  #wake: () => void = () => undefined;

  /** `signal`: ends all waiting with its reason. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.ring());
  }

  ring(): void {
    this.#isRung = true;
    this.#wake();
  }

  /** Until then, or somebody rings; at once if somebody has since the last time. */
  async wait(milliseconds: number): Promise<void> {
    if (!this.#isRung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, milliseconds));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#isRung = false;
    this.#signal.throwIfAborted();
  }
}
