/** One virtual machine: QEMU's process, its console, and ssh into it. All its disks are written to copies only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import type { Image } from './image.js';
import { Problem } from './problem.js';
import { forwardedPort, quit } from './qmp.js';

export interface GuestOptions {
  readonly number: 1 | 2;
  readonly image: Image;
  readonly projectDisk: string;
  /** Where sockets and the console's text go. */
  readonly directory: string;
  /** Ends with the process that booted it, or by itself after minutes without a session. */
  readonly life: 'tied' | { readonly idleMinutes: number };
  /** Joins guests 1 and 2. */
  readonly pair?: boolean;
  /** Appended to the kernel's command line. */
  readonly kernelArguments?: string;
}

const MEMORY_MIB = 3072;
/** Wider vectors and five levels of page tables are slow to emulate: starts of programs take a quarter longer with them. */
const PROCESSOR = 'qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt';
/** Two of them, beside other tests on two processors, have taken more than four minutes. */
const BOOT_SECONDS = 900;
/** Nothing that is kept outlives this. */
const LONGEST_HOURS = 12;
/** Of a console. */
const LINES_TOLD = 40;

export class Guest {
  readonly name: string;
  readonly #directory: string;
  readonly #key: string;
  readonly #knownHosts: string;
  /** Absent for one that an earlier process booted. */
  readonly #qemu: ChildProcess | undefined;
  #port = 0;

  private constructor(options: Pick<GuestOptions, 'number' | 'directory' | 'image'>, qemu?: ChildProcess) {
    this.name = `vm${options.number}`;
    this.#directory = options.directory;
    this.#key = `${options.image.directory}/key`;
    this.#knownHosts = `${options.image.directory}/known_hosts`;
    this.#qemu = qemu;
  }

  /** Settles when the guest takes commands. */
  static async boot(options: GuestOptions): Promise<Guest> {
    const guest = new Guest(options, startQemu(options));
    try {
      await guest.#untilReady(BOOT_SECONDS);
      return guest;
    } catch (error) {
      await guest.stop();
      throw error;
    }
  }

  /** One that was left running; undefined when there is none. */
  static async find(
    options: Pick<GuestOptions, 'number' | 'directory' | 'image'>,
  ): Promise<Guest | undefined> {
    const guest = new Guest(options);
    try {
      guest.#port = await forwardedPort(guest.#socket);
      return guest;
    } catch {
      // Nothing answers: it has ended.
      return undefined;
    }
  }

  get #socket(): string {
    return `${this.#directory}/${this.name}.qmp`;
  }

  /** Runs a shell command as root; `terminal`: on one of the guest's. */
  ssh(
    command: string,
    options: {
      readonly terminal?: boolean;
      readonly stdin?: 'inherit' | 'pipe';
      readonly stdout?: 'inherit' | 'pipe';
    } = {},
  ): ChildProcess {
    return spawn(
      'ssh',
      [...this.#sshArguments(), options.terminal ? '-tt' : '-T', `root@${this.name}`, command],
      {
        stdio: [options.stdin ?? 'ignore', options.stdout ?? 'inherit', 'inherit'],
      },
    );
  }

  #sshArguments(): readonly string[] {
    const settings = {
      HostName: '127.0.0.1',
      Port: this.#port,
      HostKeyAlias: this.name,
      UserKnownHostsFile: this.#knownHosts,
      GlobalKnownHostsFile: '/dev/null',
      IdentityFile: this.#key,
      IdentitiesOnly: 'yes',
      BatchMode: 'yes',
      LogLevel: 'ERROR',
      ConnectTimeout: 20,
      ServerAliveInterval: 20,
      ServerAliveCountMax: 6,
      ControlMaster: 'auto',
      ControlPath: `${this.#directory}/${this.name}.ssh`,
      ControlPersist: 60,
    };
    return ['-F', 'none', ...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])];
  }

  async #untilReady(seconds: number): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (Date.now() < deadline) {
      if (this.hasEnded()) throw new Problem(`${this.name} ended while it booted${this.lastLines()}`);
      if (this.#port === 0 && existsSync(this.#socket))
        this.#port = await forwardedPort(this.#socket).catch(() => 0);
      if (this.#port !== 0 && (await this.#answers())) return;
      await sleep(500);
    }
    throw new Problem(`${this.name} did not come up within ${seconds} seconds${this.lastLines()}`);
  }

  #answers(): Promise<boolean> {
    const probe = spawn('ssh', [...this.#sshArguments(), '-T', `root@${this.name}`, 'true'], {
      stdio: 'ignore',
    });
    const limit = setTimeout(() => probe.kill('SIGKILL'), 20_000);
    return ended(probe).then(({ code }) => {
      clearTimeout(limit);
      return code === 0;
    });
  }

  hasEnded(): boolean {
    return this.#qemu !== undefined && (this.#qemu.exitCode !== null || this.#qemu.signalCode !== null);
  }

  /** Settles when QEMU has ended; never for one that an earlier process booted, which only ssh can tell of. */
  async end(): Promise<void> {
    if (!this.#qemu) return new Promise(() => undefined);
    if (!this.hasEnded()) await ended(this.#qemu);
  }

  /** What the guest's console, or QEMU, said last, for the end of a message: with what a panic was about. */
  lastLines(): string {
    const text = stripVTControlCharacters(readFileSync(`${this.#directory}/${this.name}.console`, 'utf8'));
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length === 0) return '';
    const panic = lines.findIndex((line) => line.includes('Kernel panic'));
    const tail = Math.max(0, lines.length - LINES_TOLD);
    // Registers and a trace of calls follow it, and may fill the tail.
    const last = lines.slice(panic === -1 ? tail : Math.min(panic, tail));
    return `; its console said last:\n${last.join('\n')}`;
  }

  /** Cuts the power: nothing on its disks is kept anyway. */
  async stop(): Promise<void> {
    if (this.hasEnded()) return;
    const inTime = AbortSignal.timeout(5000);
    // It may be stuck, or stopped.
    await quit(this.#socket, inTime).catch(() => this.#kill());
    if (this.#qemu) await this.end();
  }

  #kill(): void {
    const at = `${this.#directory}/${this.name}`;
    if (!existsSync(`${at}.pid`)) return;
    const pid = Number(readFileSync(`${at}.pid`, 'utf8'));
    // It removes the file when it ends in order; after a kill the number may be another process's by now.
    if (existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${at}.qmp`))
      process.kill(pid, 'SIGKILL');
  }
}

export function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    child.once('error', () => resolve({ code: 127, signal: null }));
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

function startQemu(options: GuestOptions): ChildProcess {
  const path = `${options.directory}/vm${options.number}.console`;
  rmSync(path, { force: true });
  const console = openSync(path, 'a', 0o600);
  // What else is tested on this machine meanwhile has less time to wait.
  const qemu = ['nice', '-n', '5', 'qemu-system-x86_64', ...qemuArguments(options)];
  const [command, ...rest] =
    options.life === 'tied'
      ? ['setpriv', '--pdeathsig', 'KILL', '--', ...qemu]
      : ['timeout', '--signal=KILL', `${LONGEST_HOURS}h`, ...qemu];
  // Serial console and complaints go to one file, so that whatever comes last is what is shown.
  const child = spawn(command as string, rest, {
    stdio: ['ignore', console, console],
    detached: options.life !== 'tied',
  });
  closeSync(console);
  if (options.life !== 'tied') child.unref();
  return child;
}

/** A /dev/kvm without the processor's help, as some clouds have, does not get a kernel through its boot. */
function accelerators(): readonly string[] {
  const helped = /^flags\b.* (vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  return [...(helped ? ['-accel', 'kvm'] : []), '-accel', 'tcg,thread=multi'];
}

function qemuArguments({
  number,
  image,
  projectDisk,
  directory,
  pair,
  life,
  kernelArguments = '',
}: GuestOptions): string[] {
  const kernel = [
    'root=LABEL=cella-root rw console=ttyS0 loglevel=4 panic=-1',
    // An emulated processor has nothing to leak by speculation.
    'mitigations=off',
    `systemd.hostname=vm${number} systemd.machine_id=${String(number).repeat(32)} systemd.show_status=0`,
    // Its disks may take longer to show than systemd waits for them.
    `systemd.default_device_timeout_sec=${BOOT_SECONDS} systemd.default_timeout_start_sec=${BOOT_SECONDS}`,
    life === 'tied' ? '' : `cella.idle=${life.idleMinutes}`,
    kernelArguments,
  ];
  const disk = (file: string): string[] => [
    '-drive',
    `file=${file},format=raw,if=virtio,snapshot=on,cache=unsafe`,
  ];
  const card = (id: string, backend: string, mac: string): string[] => [
    ...['-netdev', `${backend.replace(',', `,id=${id},`)}`],
    ...['-device', `virtio-net-pci,netdev=${id},mac=52:54:00:ce:${mac},romfile=`],
  ];
  const lan = (of: number): string => `${directory}/lan${of}`;
  return [
    ...['-name', `vm${number}`, '-nodefaults', '-no-user-config', '-display', 'none'],
    // The second one of a pair loses its power, and gets it again.
    ...(pair && number === 2 ? [] : ['-no-reboot']),
    ...['-machine', 'q35', ...accelerators(), '-cpu', PROCESSOR, '-smp', '2'],
    ...[
      '-m',
      String(MEMORY_MIB),
      '-device',
      'virtio-rng-pci',
      '-serial',
      'chardev:console',
      '-monitor',
      'none',
    ],
    ...['-chardev', `file,id=console,path=${directory}/vm${number}.console,append=on`],
    ...['-kernel', `${image.directory}/vmlinuz`, '-initrd', `${image.directory}/initrd`],
    ...['-append', kernel.filter(Boolean).join(' ')],
    ...['-pidfile', `${directory}/vm${number}.pid`],
    ...['-qmp', `unix:${directory}/vm${number}.qmp,server=on,wait=off`],
    ...disk(`${image.directory}/root.img`),
    ...disk(projectDisk),
    ...card('host', 'user,restrict=on,hostfwd=tcp:127.0.0.1:0-:22', `00:0${number}`),
    ...(pair
      ? card(
          'pair',
          `dgram,local.type=unix,local.path=${lan(number)},remote.type=unix,remote.path=${lan(3 - number)}`,
          `01:0${number}`,
        )
      : []),
  ];
}
