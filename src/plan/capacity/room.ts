/** How many more containers of a kind a host holds, and what runs out first. Pure. */

export type ResourceName =
  | 'memory'
  | 'processes'
  | 'processors'
  | 'control groups'
  | 'inotify instances'
  | 'disk'
  | 'inodes'
  | 'ipv4 addresses'
  | 'ipv6 addresses'
  | 'user id ranges';

export interface Demand {
  readonly resource: ResourceName;
  readonly unit: 'bytes' | 'things' | 'processors';
  /** Of one container. */
  readonly each: number;
  readonly free: number;
  readonly total: number;
  /** Whether some of it is better left free: what every container needs the same amount of may be used up. */
  readonly varies: boolean;
}

export interface Room extends Omit<Demand, 'varies'> {
  /** What is left free of it. */
  readonly kept: number;
  /** How many more containers it is enough for; null: they use nothing of it. */
  readonly more: number | null;
}

/** `reserve`: percent of the total that are to be left free of what varies. */
export function roomOf({ varies, ...demand }: Demand, reserve: number): Room {
  const part = varies ? (demand.total * reserve) / 100 : 0;
  const kept = demand.unit === 'processors' ? part : Math.ceil(part);
  const usable = Math.max(0, demand.free - kept);
  return { ...demand, kept, more: demand.each > 0 ? Math.floor(usable / demand.each) : null };
}

/** The one that is enough for fewest; undefined: nothing is used of any. */
export function scarcest(rooms: readonly Room[]): (Room & { readonly more: number }) | undefined {
  const bounds = rooms.flatMap((room) => (room.more === null ? [] : [{ ...room, more: room.more }]));
  return bounds.reduce<(typeof bounds)[number] | undefined>(
    (least, room) => (least && least.more <= room.more ? least : room),
    undefined,
  );
}

/** What one needs where several are known: `largest`, or what it is on average. */
export function needOf(amounts: readonly number[], by: 'average' | 'largest'): number {
  if (amounts.length === 0) return 0;
  if (by === 'largest') return Math.max(...amounts);
  return amounts.reduce((total, amount) => total + amount, 0) / amounts.length;
}
