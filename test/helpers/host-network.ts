/** A host and machines around it, with functions of ours called there: for tests of what `host/network` makes. */
import { afterEach, beforeEach } from 'vitest';
import type { VenetPlan } from '../../src/plan/network/network-plan.js';
import { InNetwork } from './in-network.js';
import { Machine } from './networks.js';

export class HostNetwork {
  readonly #machines: Machine[] = [];
  #host: Machine | undefined;
  #inside: InNetwork | undefined;

  get host(): Machine {
    if (!this.#host) throw new Error('the host is not there yet');
    return this.#host;
  }

  async open(): Promise<void> {
    this.#host = await this.machine();
    this.#inside = new InNetwork(this.#host);
  }

  async close(): Promise<void> {
    await this.#inside?.stop();
    for (const machine of this.#machines.splice(0)) await machine.stop();
  }

  async machine(): Promise<Machine> {
    const started = await Machine.start();
    this.#machines.push(started);
    return started;
  }

  /** At the host's interface `name`, whose network is 192.0.2.0/24 and 2001:db8::/64: the host is 1, the neighbour 2. */
  async neighbour(name: string): Promise<Machine> {
    const machine = await this.machine();
    await this.host.run(`
      ip link add ${name} type veth peer name eth0 netns ${machine.namespace}; ip link set ${name} up
      ip addr add 192.0.2.1/24 dev ${name}; ip addr add 2001:db8::1/64 dev ${name} nodad`);
    await machine.run(`
      ip link set eth0 up; ip addr add 192.0.2.2/24 dev eth0; ip addr add 2001:db8::2/64 dev eth0 nodad`);
    return machine;
  }

  /** A function of ours below `host`, as `network/venet`. */
  call<T = void>(module: string, name: string, ...args: readonly unknown[]): Promise<T> {
    if (!this.#inside) throw new Error('the host is not there yet');
    return this.#inside.call<T>(`host/${module}`, name, ...args);
  }

  /** A container's end of a routed link. */
  async container(plan: VenetPlan): Promise<Machine> {
    const machine = await this.machine();
    await this.call('network/venet', 'attachVenet', plan, { open: machine.namespace });
    return machine;
  }
}

/** New for each test of a file. */
export function useHostNetwork(): HostNetwork {
  const network = new HostNetwork();
  beforeEach(() => network.open());
  afterEach(() => network.close());
  return network;
}

export function venetOf(ctid: number, ...addresses: readonly string[]): VenetPlan {
  return {
    hostName: `venet${ctid}`,
    mac: `ce:11:00:00:00:${String(ctid % 100).padStart(2, '0')}`,
    addresses: addresses.map((address) => ({
      family: address.includes(':') ? 6 : 4,
      address,
      private: false,
    })),
  };
}
