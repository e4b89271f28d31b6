/** A network namespace, and functions of ours that act on the network of their process called there. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const AGENT = fileURLToPath(new URL('./agent.mjs', import.meta.url));

export class Place {
  #process;

  constructor(process) {
    this.#process = process;
  }

  /** With nothing in it but its first process. */
  static async make() {
    const script = 'ip link set lo up; echo ready; exec sleep infinity';
    const holder = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    return new Place(holder);
  }

  /** With `agent.mjs`, whose functions `call` calls. */
  static async makeHost() {
    const agent = spawn('unshare', ['--net', process.execPath, AGENT], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await once(agent, 'message');
    const place = new Place(agent);
    await place.run('ip link set lo up');
    return place;
  }

  /** Of a process that somebody else has started. */
  static of(pid) {
    return new Place({ pid });
  }

  get pid() {
    return this.#process.pid;
  }

  argv(...command) {
    return ['nsenter', `--net=/proc/${this.pid}/ns/net`, ...command];
  }

  /** What a line of shell says there. */
  async run(script) {
    const [command, ...args] = this.argv('sh', '-euc', script);
    const { stdout } = await promisify(execFile)(command, args, { maxBuffer: 1 << 26 });
    return stdout.trim();
  }

  /** Goes on until the bench ends. */
  spawn(...command) {
    const [program, ...args] = this.argv(...command);
    return spawn(program, args, { stdio: 'ignore' });
  }

  /** One at a time. */
  async call(name, ...args) {
    const answer = once(this.#process, 'message');
    this.#process.send({ name, args });
    const [{ value, error }] = await answer;
    if (error) throw new Error(`${name}: ${error}`);
    return value;
  }

  /** A machine at its interface `name`; both have an address of each network of `[here, there]`. */
  async neighbour(name, ...networks) {
    const other = await Place.make();
    await this.run(`ip link add ${name} type veth peer name eth0 netns ${other.pid}; ip link set ${name} up`);
    await other.run('ip link set eth0 up');
    for (const [here, there] of networks) {
      const more = here.includes(':') ? 'nodad' : '';
      await this.run(`ip addr add ${here} dev ${name} ${more}`);
      await other.run(`ip addr add ${there} dev eth0 ${more}`);
    }
    return other;
  }
}
