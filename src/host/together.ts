/** Work of which much is as quickly done as little: what is asked for while it is being done is done at once afterwards. */

interface Wish<T> {
  readonly item: T;
  resolve(): void;
  reject(error: unknown): void;
}

/** Where `work` fails for several items it is done for each by itself, so that nobody gets to see another one's failure. */
export function together<T>(work: (items: readonly T[]) => Promise<void>): (item: T) => Promise<void> {
  let waiting: Wish<T>[] = [];
  let isBusy = false;

  const alone = (wish: Wish<T>): Promise<void> => work([wish.item]).then(wish.resolve, wish.reject);

  async function carryOut(wishes: readonly Wish<T>[]): Promise<void> {
    if (wishes.length > 1) {
      const done = await work(wishes.map(({ item }) => item)).then(
        () => true,
        () => false,
      );
      if (done) {
        for (const { resolve } of wishes) resolve();
        return;
      }
    }
    for (const wish of wishes) await alone(wish);
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
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!isBusy) void carryOutAll();
    });
}
