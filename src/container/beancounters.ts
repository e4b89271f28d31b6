/** The user beancounters of running containers, of what the kernel counts and what limits of ours hold. */
import { COUNTERS, type CounterName } from '../config/listed-settings.js';
import { findByKey } from '../config/parameters.js';
import { type Limit, UNLIMITED } from '../config/units.js';
import { CellaError } from '../errors.js';
import { GroupLook } from '../host/cgroup/group-files.js';
import { type Held, heldBy } from '../host/held.js';
import type { Context } from './context.js';
import { listCtids } from './create.js';
import { settingsOf } from './list.js';
import { recordOfRunning } from './recover.js';

/** In its own unit: bytes, pages of 4096 bytes, or things. */
export interface Beancounter {
  readonly resource: CounterName;
  /** Null: the kernel does not count it for a container. */
  readonly counted: Held | null;
  /** UNLIMITED where nothing holds a container to it, whatever its config says. */
  readonly barrier: bigint;
  readonly limit: bigint;
}

export interface Beancounters {
  readonly ctid: number;
  readonly resources: readonly Beancounter[];
}

/** Of those that run, by number; `ctids`: default all. */
export function beancounters(context: Context, ctids?: ReadonlySet<number>): readonly Beancounters[] {
  const look = new GroupLook();
  return listCtids(context)
    .filter((ctid) => ctids?.has(ctid) ?? true)
    .flatMap((ctid) => {
      const record = recordOfRunning(context, ctid);
      if (!record) return [];
      const held = heldBy(look.of(record.cgroups), record.init?.pid);
      const limits = limitsOf(context, ctid);
      return [{ ctid, resources: COUNTERS.map((name) => beancounter(name, held, limits)) }];
    });
}

type Limits = ReadonlyMap<CounterName, Limit>;

/** One broken file must not hide what the others have. */
function limitsOf(context: Context, ctid: Parameters<typeof settingsOf>[1]): Limits {
  try {
    return settingsOf(context, ctid).counters;
  } catch (error) {
    if (error instanceof CellaError && error.code === 'INVALID_CONFIG') return new Map();
    throw error;
  }
}

function beancounter(
  resource: CounterName,
  held: ReadonlyMap<CounterName, Held>,
  limits: Limits,
): Beancounter {
  const isHeldTo = findByKey(resource.toUpperCase())?.effect === 'yes';
  const { barrier, limit } = (isHeldTo && limits.get(resource)) || { barrier: UNLIMITED, limit: UNLIMITED };
  return { resource, counted: held.get(resource) ?? null, barrier, limit };
}
