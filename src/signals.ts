/** Signals by name, those without a name of their own too: systemd takes orders as SIGRTMIN+n (systemd(1)). */
import { constants } from 'node:os';

/** As glibc counts them for programs, which is what programs in containers mean: two are its own (signal(7)). */
const FIRST_REALTIME = 34;
const LAST_REALTIME = 64;

export const isRealtime = (signal: number): boolean => signal >= FIRST_REALTIME;

/** undefined where there is no such signal. */
export function signalNumber(name: string): number | undefined {
  if (Object.hasOwn(constants.signals, name)) return constants.signals[name as NodeJS.Signals];
  const match = /^SIGRT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (!match) return undefined;
  const [, end, sign, distance = '0'] = match;
  if (sign === (end === 'MIN' ? '-' : '+')) return undefined;
  const number = end === 'MIN' ? FIRST_REALTIME + Number(distance) : LAST_REALTIME - Number(distance);
  return number >= FIRST_REALTIME && number <= LAST_REALTIME ? number : undefined;
}
