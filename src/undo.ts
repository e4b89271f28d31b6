/** A stack of take-backs: what a verb has done so far, undone last thing first when it fails. */

interface Step {
  readonly what: string;
  readonly takeBack: () => void | Promise<void>;
}

export class Undo {
  #steps: Step[] = [];

  /** Remembers how to take back what was just done. */
  push(what: string, takeBack: Step['takeBack']): void {
    this.#steps.push({ what, takeBack });
  }

  /** Everything done so far stays. */
  disarm(): void {
    this.#steps = [];
  }

  /** Takes everything back; one failure does not keep the rest from being tried. */
  async run(): Promise<Error[]> {
    const failures: Error[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step.takeBack();
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        failures.push(new Error(`could not undo "${step.what}": ${why}`, { cause }));
      }
    }
    return failures;
  }
}

/** Runs `body` with an undo stack: disarmed when it succeeds, run when it throws. */
export async function withUndo<T>(body: (undo: Undo) => Promise<T>): Promise<T> {
  const undo = new Undo();
  try {
    return await body(undo);
  } catch (error) {
    const failures = await undo.run();
    if (failures.length === 0) throw error;
    const all = [error, ...failures].map((at) => (at instanceof Error ? at.message : String(at)));
    throw new AggregateError(failures, all.join('; '), { cause: error });
  }
}
