/** Networks of a test's own: one namespace is the host's network, others are machines at its far ends. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterEach, beforeEach } from 'vitest';
import { InNetwork } from './in-network.js';
import { programHere } from './in-process.js';
import { CLI, type Result, type Sandbox, watch } from './sandbox.js';

/** A network namespace, for as long as the process that holds it lives. */
export class Machine {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async start(): Promise<Machine> {
    const script = 'ip link set lo up; echo ready; exec sleep 3600';
    const holder = spawn('unshare', ['--net', 'sh', '-c', `PATH=$PATH:/usr/sbin:/sbin; ${script}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    return new Machine(holder);
  }

  get namespace(): string {
    return `/proc/${this.#holder.pid}/ns/net`;
  }

  /** Argument list that runs a command there. */
  argv(...command: readonly string[]): readonly string[] {
    return ['nsenter', `--net=${this.namespace}`, ...command];
  }

  /** What a line of shell says there; fails with its standard error. */
  async run(script: string): Promise<string> {
    const [command = '', ...args] = this.argv('sh', '-euc', `PATH=$PATH:/usr/sbin:/sbin; ${script}`);
    const { stdout } = await promisify(execFile)(command, [...args]);
    return stdout.trim();
  }

  /** Something that goes on until it is killed. */
  spawn(...command: readonly string[]): ChildProcess {
    const [program = '', ...args] = this.argv(...command);
    return spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  /** Whether an address answers within two seconds. */
  reaches(address: string, ...options: readonly string[]): Promise<boolean> {
    return this.run(`busybox ping -c 1 -W 2 ${options.join(' ')} ${address} >/dev/null`).then(
      () => true,
      () => false,
    );
  }

  async stop(): Promise<void> {
    this.#holder.kill('SIGKILL');
    await once(this.#holder, 'exit');
  }
}

/** A command of ours in the network of a machine. */
export function commandIn(
  machine: Machine,
  rootDir: string,
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const [program = '', ...rest] = machine.argv(process.execPath, `${CLI}${name}.cjs`, ...args);
  return watch(spawn(program, rest, { env: { ...process.env, CELLA_ROOT: rootDir, ...env } })).ended;
}

/** The host and one machine on each side of it: `wan` is 192.0.2.0/24 and 2001:db8::/64, `lan` 198.51.100.0/24. */
export class Networks {
  #machines: readonly [Machine, Machine, Machine] | undefined;
  /** Commands that need no process of their own run in this one. */
  #inside: InNetwork | undefined;
  readonly #sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  get host(): Machine {
    return this.#at(0);
  }

  /** 192.0.2.2 and 2001:db8::2; the host is .1 and ::1 on its eth0. */
  get wan(): Machine {
    return this.#at(1);
  }

  /** 198.51.100.2; the host is .1 on its eth1. Its way to everything else leads over the host. */
  get lan(): Machine {
    return this.#at(2);
  }

  /** The same host, while it is there, with what another root directory has. */
  beside(sandbox: Sandbox): Networks {
    const other = new Networks(sandbox);
    other.#machines = this.#machines;
    this.#inside ??= new InNetwork(this.host);
    other.#inside = this.#inside;
    return other;
  }

  #at(index: 0 | 1 | 2): Machine {
    if (!this.#machines) throw new Error('the networks are not there yet');
    return this.#machines[index];
  }

  async open(): Promise<void> {
    this.#machines = [await Machine.start(), await Machine.start(), await Machine.start()];
    const join = (name: string, { namespace }: Machine): string =>
      `ip link add ${name} type veth peer name eth0 netns ${namespace}; ip link set ${name} up;`;
    await this.host.run(`
      ${join('eth0', this.wan)} ${join('eth1', this.lan)}
      ip addr add 192.0.2.1/24 dev eth0; ip addr add 2001:db8::1/64 dev eth0 nodad
      ip addr add 198.51.100.1/24 dev eth1`);
    await this.wan.run(`
      ip link set eth0 up; ip addr add 192.0.2.2/24 dev eth0; ip addr add 2001:db8::2/64 dev eth0 nodad`);
    await this.lan.run(`
      ip link set eth0 up; ip addr add 198.51.100.2/24 dev eth0; ip route add default via 198.51.100.1`);
  }

  async close(): Promise<void> {
    await this.#inside?.stop();
    this.#inside = undefined;
    for (const machine of this.#machines ?? []) await machine.stop();
    this.#machines = undefined;
  }

  /** A command of ours on that host; `env` makes it a process in any case. */
  command(
    name: 'vzctl' | 'cella' | 'vzlist' | 'vznetstat',
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<Result> {
    const here = env ? undefined : programHere(name, args);
    if (here) {
      this.#inside ??= new InNetwork(this.host);
      return this.#inside.command(here, args, this.#sandbox.rootDir);
    }
    return commandIn(this.host, this.#sandbox.rootDir, name, args, env);
  }

  vzctl(...args: readonly string[]): Promise<Result> {
    return this.command('vzctl', args);
  }

  /** One that is to work without a word of complaint; returns what it said. */
  async good(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.vzctl(...args);
    if (code !== 0 || stderr !== '') throw new Error(`vzctl ${args.join(' ')}: ${code}: ${stderr}`);
    return stdout.trim();
  }

  /** A new container that is up. */
  async start(ctid: number, ...args: readonly string[]): Promise<void> {
    await this.#sandbox.create(ctid, ...args);
    await this.good('start', String(ctid), '--wait');
  }

  /** What a command says there, whatever becomes of it. */
  async inside(ctid: number, command: string): Promise<string> {
    return (await this.vzctl('exec2', String(ctid), command)).stdout.trim();
  }
}

/** New ones for each test of a file, in which these containers may be. */
export function useNetworks(sandbox: Sandbox, ...ctids: readonly number[]): Networks {
  const networks = new Networks(sandbox);
  beforeEach(() => networks.open());
  afterEach(async () => {
    // By commands that meet the network that the containers are in.
    for (const ctid of ctids) {
      await networks.vzctl('stop', String(ctid), '--fast');
      await networks.vzctl('destroy', String(ctid));
    }
    await sandbox.clear();
    await networks.close();
  });
  return networks;
}
