/** A container with a process that holds memory, changes some of it all the time, and can tell how much of it is wrong. */
import { existsSync, readdirSync } from 'node:fs';
import { expect } from 'vitest';
import type { Sandbox } from './sandbox.js';

/**
 * With each line that it is given it changes one of 512 small texts, at times one of 128 large ones. Large ones are apart
 * from its heap, of which all counts as changed whenever that grows.
 */
export const HELD = 128 * 160_000;
const HOLDER = `
function large(n) { return sprintf("%0160000d", n) }
function small(n) { return sprintf("%0400d", n) }
function latest(i, last, count) { return last - (last - i) % count }
BEGIN {
  L = 128; S = 512
  for (l = 0; l < L; l++) larges[l] = large(l)
  for (s = 0; s < S; s++) smalls[s] = small(s)
}
{
  smalls[s % S] = small(s); s++
  if (s % 200 == 0) { larges[l % L] = large(l); l++ }
  print s > "/run/step"; close("/run/step")
  if ((getline asked < "/run/ask") > 0) {
    wrong = 0
    for (i = 0; i < S; i++) if (smalls[i] != small(latest(i, s - 1, S))) wrong++
    for (i = 0; i < L; i++) if (larges[i] != large(latest(i, l - 1, L))) wrong++
    print asked, wrong > "/run/told"; close("/run/told")
  }
  close("/run/ask")
}`;
const HOLD =
  '(while :; do echo; sleep 0.1; done) </dev/null 2>/dev/null | awk -f /run/holder >/dev/null 2>&1 & until [ -s /run/step ]; do sleep 0.1; done';

const inside = async (at: Sandbox, command: string): Promise<string> =>
  (await at.vzctl(['exec', '101', command])).stdout.trim();
const status = async (at: Sandbox): Promise<string> => (await at.vzctl(['status', '101'])).stdout.trim();

export async function beginHolder(at: Sandbox, ...options: readonly string[]): Promise<void> {
  await at.create(101, '--layout', 'overlay:directory', ...options);
  await at.good('start', '101', '--wait');
  await at.vzctl(['exec', '101', 'cat >/run/holder'], { input: HOLDER });
  await inside(at, HOLD);
}

export const stepOf = async (at: Sandbox): Promise<number> => Number(await inside(at, 'cat /run/step'));

/** The process says itself how much of its memory is not what it has put there. */
export async function expectWhole(at: Sandbox, since: number): Promise<number> {
  expect(await status(at)).toBe('CTID 101 exist mounted running');
  await expect.poll(() => stepOf(at), { timeout: 60_000 }).toBeGreaterThan(since);
  const asked = `asked-${await stepOf(at)}`;
  await inside(
    at,
    `echo ${asked} >/run/ask; until grep -q ${asked} /run/told; do sleep 0.2; done; rm /run/ask`,
  );
  expect(await inside(at, 'cat /run/told')).toBe(`${asked} 0`);
  return stepOf(at);
}

export const expectGone = async (at: Sandbox): Promise<void> =>
  expect(await status(at)).toBe('CTID 101 deleted unmounted down');

/** Of states on their way. */
export function expectNothingLeft(...sandboxes: readonly Sandbox[]): void {
  for (const { rootDir } of sandboxes) {
    const dumps = `${rootDir}/var/lib/vz/dump`;
    expect(existsSync(dumps) ? readdirSync(dumps) : []).toEqual([]);
  }
}
