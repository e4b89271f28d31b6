/** Work of which much is as quickly done as little: what is asked for while it is being done is done at once afterwards. */

interface Wish<T, R> {
  readonly item: T;
  resolve(result: R): void;
  reject(error: unknown): void;
}

/**
 * `work` returns a result for each item, or none. Where it fails for several it is done for each by itself, so that nobody gets to
 * see another one's failure.
 */
export function together<T, R = void>(
  work: (items: readonly T[]) => Promise<readonly R[] | undefined>,
): (item: T) => Promise<R> {
  let waiting: Wish<T, R>[] = [];
  let isBusy = false;

  const carryOutSome = async (wishes: readonly Wish<T, R>[]): Promise<void> => {
    const results = await work(wishes.map(({ item }) => item));
    for (const [at, { resolve }] of wishes.entries()) resolve(results?.[at] as R);
  };

  async function carryOut(wishes: readonly Wish<T, R>[]): Promise<void> {
    try {
      await carryOutSome(wishes);
    } catch (error) {
      if (wishes.length === 1) wishes[0]?.reject(error);
      else for (const wish of wishes) await carryOut([wish]);
    }
  }

  async function carryOutAll(): Promise<void> {
    isBusy = true;
    while (waiting.length > 0) {
      const wishes = waiting;
      waiting = [];
      await carryOut(wishes);
    }
    isBusy = false;
  }

  return (item) =>
    new Promise<R>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!isBusy) void carryOutAll();
    });
}
