/** How a container's init is asked to power off: by what runs as its first process, whatever its template had. */
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import type { ContainerConfig } from '../config/container-config.js';
import type { ProcessHandle } from '../host/processes.js';
import { isRealtime, signalNumber } from '../signals.js';
import { type Context, factsFor, templateOf } from './context.js';
import { succeeds } from './exec.js';

type Way = { readonly signal: string } | { readonly command: readonly string[] };

const TO_RUNLEVEL_0: Way = { command: ['/sbin/init', '0'] };

/** By the program's name. */
const WAYS: ReadonlyMap<string, Way> = new Map<string, Way>([
  // systemd(1), SIGNALS: SIGTERM would only have it run itself anew.
  ['systemd', { signal: 'SIGRTMIN+3' }],
  ['busybox', { signal: 'SIGUSR2' }],
  // sysvinit, upstart (telinit(8)) and runit (runit-init(8)): their signals mean a reboot, or nothing.
  ['init', TO_RUNLEVEL_0],
  ['runit', TO_RUNLEVEL_0],
  ['runit-init', TO_RUNLEVEL_0],
  ['openrc-init', { command: ['/sbin/openrc-shutdown', '--poweroff', 'now'] }],
]);

/** Returns when init has been told; false when it is gone. What is run inside for it ends with `signal`. */
export async function askToPowerOff(
  context: Context,
  config: ContainerConfig,
  init: ProcessHandle,
  signal: AbortSignal,
): Promise<boolean> {
  const way = WAYS.get(programOf(init.pid)) ?? { signal: stopSignal(context, config) };
  const tell = (argv: readonly string[]): Promise<boolean> => succeeds(context, config.ctid, argv, signal);
  if ('command' in way) return (await tell(way.command)) || init.kill('SIGPWR');
  const number = signalNumber(way.signal) ?? signalNumber('SIGPWR') ?? 0;
  if (!isRealtime(number) || !factsFor(context, config).emulated) return init.kill(number);
  // An emulator keeps some real-time signals to itself and shifts the others: only programs that it runs agree on them.
  return (await tell(['/bin/sh', '-c', `kill -${number} 1`])) || init.kill('SIGPWR');
}

/** Of another machine's container, that of the emulator. */
export function programOf(pid: number): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''));
  } catch {
    return '';
  }
}

/** What the template says. */
function stopSignal(context: Context, { template }: ContainerConfig): string {
  return template === undefined ? 'SIGPWR' : templateOf(context, template).manifest.stopSignal;
}
