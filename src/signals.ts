/** Signals by name, the real-time ones too, which Node.js has no names for. */
import { constants } from 'node:os';

/** As glibc has it: the kernel's first two, 32 and 33, are its own (signal(7)). systemd counts from there, on any libc. */
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/** `SIGTERM`, `SIGRTMIN+3`: its number; undefined for what names no signal. */
export function signalNumber(name: string): number | undefined {
  if (Object.hasOwn(constants.signals, name)) return constants.signals[name as NodeJS.Signals];
  const offset = /^SIGRTMIN(?:\+([1-9]\d?))?$/.exec(name);
  if (!offset) return undefined;
  const number = SIGRTMIN + Number(offset[1] ?? 0);
  return number <= SIGRTMAX ? number : undefined;
}
