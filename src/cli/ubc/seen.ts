/** What was seen of beancounters the last time, for showing what has come since. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import type { Beancounter, Beancounters } from '../../container/beancounters.js';
import type { Held } from '../../host/held.js';
import { writeFileAtomic } from '../../state/atomic-file.js';
import { readText } from '../../state/text-file.js';

type Seen = Readonly<Record<string, Pick<Held, 'held' | 'failcnt'>>>;

/** `directory`: one file for each container. */
export class SeenCounters {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** With failures since the last time alone; `held` too, as what has become more of it. Notes down what is now. */
  since(all: readonly Beancounters[], what: { readonly failures?: boolean; readonly held?: boolean }) {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    return all.map(({ ctid, resources }): Beancounters => {
      const path = `${this.#directory}/ubc.${ctid}`;
      const before = parseSeen(readText(path));
      writeFileAtomic(path, `${JSON.stringify(seenOf(resources))}\n`, { durable: false });
      return { ctid, resources: resources.map((each) => change(each, before[each.resource], what)) };
    });
  }

  /** It may be somebody else's directory: only what is noted down here goes. */
  forget(): void {
    if (!existsSync(this.#directory)) return;
    for (const name of readdirSync(this.#directory))
      if (/^ubc\.\d+$/.test(name)) rmSync(`${this.#directory}/${name}`, { force: true });
  }
}

function change(
  each: Beancounter,
  before: Seen[string] | undefined,
  { failures = false, held = false }: { readonly failures?: boolean; readonly held?: boolean },
): Beancounter {
  if (!each.counted || !before) return each;
  const { counted } = each;
  // Fewer than before: the container was started anew.
  const failed = counted.failcnt < before.failcnt ? counted.failcnt : counted.failcnt - before.failcnt;
  return {
    ...each,
    counted: {
      ...counted,
      ...(failures ? { failcnt: failed } : {}),
      ...(held ? { held: counted.held - before.held } : {}),
    },
  };
}

function seenOf(resources: readonly Beancounter[]): Seen {
  return Object.fromEntries(
    resources.flatMap(({ resource, counted }) =>
      counted ? [[resource, { held: counted.held, failcnt: counted.failcnt }] as const] : [],
    ),
  );
}

/** A file that is none of ours counts as none. */
function parseSeen(text: string | undefined): Seen {
  try {
    const value = JSON.parse(text ?? '{}') as Seen;
    const isSound = Object.values(value).every((at) => Number.isFinite(at.held + at.failcnt));
    return isSound ? value : {};
  } catch {
    return {};
  }
}
