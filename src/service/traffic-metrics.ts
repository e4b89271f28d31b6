/** Metrics of what containers have sent and received, over all their runs. */
import { Counter, type Registry } from 'prom-client';
import type { ContainerTraffic } from '../container/traffic.js';
import type { Count, Traffic } from '../state/traffic.js';

const ADDRESS = ['ctid', 'address'] as const;
const CLASS = [...ADDRESS, 'class'] as const;
type Label = (typeof CLASS)[number];

interface Both {
  readonly packets: Counter<Label>;
  readonly bytes: Counter<Label>;
}

interface Ways {
  readonly sent: Both;
  readonly received: Both;
}

/** Those by class are metrics of their own: the sum over a label has to make sense. */
export class TrafficMetrics {
  readonly #all: Ways;
  readonly #ofClass: Ways;

  constructor(registry: Registry) {
    const ways = (name: string, what: string, labelNames: readonly Label[]): Ways => {
      const counter = (way: string, unit: string, help: string): Counter<Label> =>
        new Counter({
          name: `cella_container_${name}_${way}_${unit}_total`,
          help: `${help}, ${what}.`,
          labelNames: [...labelNames],
          registers: [registry],
        });
      const both = (way: string, verb: string): Both => ({
        packets: counter(way, 'packets', `Packets that it has ${verb}`),
        bytes: counter(way, 'bytes', `Bytes of IP that it has ${verb}`),
      });
      return { sent: both('transmit', 'sent'), received: both('receive', 'received') };
    };
    this.#all = ways('network', 'by its address', ADDRESS);
    this.#ofClass = ways('network_class', 'by its address and class of traffic', CLASS);
  }

  /** In place of what was there. */
  set(traffic: readonly ContainerTraffic[]): void {
    for (const ways of [this.#all, this.#ofClass])
      for (const { packets, bytes } of [ways.sent, ways.received]) {
        packets.reset();
        bytes.reset();
      }
    for (const { ctid, addresses } of traffic) for (const each of addresses) this.#add(String(ctid), each);
  }

  #add(ctid: string, { address, class: number, sent, received }: Traffic): void {
    const ways = number === null ? this.#all : this.#ofClass;
    const labels = number === null ? { ctid, address } : { ctid, address, class: String(number) };
    add(ways.sent, labels, sent);
    add(ways.received, labels, received);
  }
}

function add(both: Both, labels: Partial<Record<Label, string>>, { packets, bytes }: Count): void {
  both.packets.inc(labels, Number(packets));
  both.bytes.inc(labels, Number(bytes));
}
