/** What containers have sent and received, by address and class of traffic, over all their runs. */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeFileAtomic } from './atomic-file.js';
import { readText } from './text-file.js';

export interface Count {
  readonly packets: bigint;
  readonly bytes: bigint;
}

export interface Traffic {
  readonly address: string;
  /** Of traffic; null: all of it, whatever class it is of. */
  readonly class: number | null;
  readonly sent: Count;
  readonly received: Count;
}

/** The sum of ended runs, and of one run what was counted last: saying that twice changes nothing. */
interface Entry {
  readonly past: Traffic;
  readonly run: string;
  readonly last: Traffic;
}

const keyOf = (traffic: Traffic): string => `${traffic.address} ${traffic.class}`;
export const NONE: Count = { packets: 0n, bytes: 0n };
export const plus = (a: Count, b: Count): Count => ({
  packets: a.packets + b.packets,
  bytes: a.bytes + b.bytes,
});
const total = ({ past, last }: Entry): Traffic => ({
  address: last.address,
  class: last.class,
  sent: plus(past.sent, last.sent),
  received: plus(past.received, last.received),
});

/** All that a container has sent and received so far, as far as it was noted down. */
export function readTraffic(path: string): readonly Traffic[] {
  return readEntries(path).map(total);
}

/** The same with what a run has counted by now, which is not noted down. */
export function sumTraffic(path: string, run: string, counted: readonly Traffic[]): readonly Traffic[] {
  return withCounted(readEntries(path), run, counted).map(total);
}

/** Notes down what was counted in a run; returns the sums. `run`: names it, among all runs of the container. */
export function noteTraffic(path: string, run: string, counted: readonly Traffic[]): readonly Traffic[] {
  const entries = withCounted(readEntries(path), run, counted);
  if (counted.length === 0) return entries.map(total);
  mkdirSync(dirname(path), { recursive: true });
  writeFileAtomic(path, `${JSON.stringify({ version: 1, entries }, toText)}\n`, { durable: false });
  return entries.map(total);
}

function withCounted(noted: readonly Entry[], run: string, counted: readonly Traffic[]): readonly Entry[] {
  const entries = new Map(noted.map((entry) => [keyOf(entry.last), entry]));
  for (const now of counted) {
    const before = entries.get(keyOf(now));
    const past = !before
      ? { ...now, sent: NONE, received: NONE }
      : goesOn(before, run, now)
        ? before.past
        : total(before);
    entries.set(keyOf(now), { past, run, last: now });
  }
  return [...entries.values()];
}

/** Counters that are lower than they were have begun anew. */
function goesOn({ run, last }: Entry, now: string, { sent, received }: Traffic): boolean {
  return run === now && sent.packets >= last.sent.packets && received.packets >= last.received.packets;
}

export function forgetTraffic(path: string): void {
  rmSync(path, { force: true });
}

const toText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
const toValue = (key: string, value: unknown): unknown =>
  (key === 'packets' || key === 'bytes') && /^\d+$/.test(String(value)) ? BigInt(String(value)) : value;

/** A file that is none of ours counts as none. */
function readEntries(path: string): readonly Entry[] {
  try {
    const value = JSON.parse(readText(path) ?? '{}', toValue) as {
      version?: number;
      entries?: readonly Entry[];
    };
    return value.version === 1 && Array.isArray(value.entries) ? value.entries : [];
  } catch {
    return [];
  }
}
