/** Prometheus metrics: counted when they are asked for, from what the kernel has. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ContainerInfo } from '../container/listed.js';
import type { ContainerTraffic } from '../container/traffic.js';
import type { CgroupStats } from '../host/cgroup/index.js';
import type { Events } from './events.js';
import { TrafficMetrics } from './traffic-metrics.js';

export interface MetricSources {
  readonly events: Events;
  list(): Promise<readonly ContainerInfo[]>;
  stats(ctid: number): CgroupStats | undefined;
  traffic(): Promise<readonly ContainerTraffic[]>;
  viewers(): number;
}

const LABELS = ['ctid'] as const;
const STATES = ['running', 'stopped', 'mounted', 'suspended'] as const;
const PAGE = 4096;

export class Metrics {
  readonly #registry = new Registry();
  readonly #sources: MetricSources;
  readonly #containers = this.#gauge('cella_containers', 'How many containers there are.', ['state']);
  readonly #running = this.#gauge('cella_container_running', 'Whether it runs.', LABELS);
  readonly #uptime = this.#gauge('cella_container_uptime_seconds', 'Since its start.', LABELS);
  readonly #processes = this.#gauge('cella_container_processes', 'Processes and threads.', LABELS);
  readonly #memory = this.#gauge('cella_container_memory_bytes', 'Memory, as its limit counts it.', LABELS);
  readonly #limit = this.#gauge('cella_container_memory_limit_bytes', 'Absent: unlimited.', LABELS);
  readonly #cpu = this.#gauge('cella_container_cpu_seconds_total', 'CPU time that it has used.', LABELS);
  readonly #viewers = this.#gauge('cella_console_viewers', 'Who watches consoles.', []);
  readonly #starts = this.#counter('cella_container_starts_total', 'Starts seen by the service.', LABELS);
  readonly #ends = this.#counter('cella_container_ends_total', 'Ends seen, by how.', ['ctid', 'how']);
  readonly #failures = this.#counter('cella_failures_total', 'Verbs of the service that failed.', ['verb']);

  readonly #traffic = new TrafficMetrics(this.#registry);

  constructor(sources: MetricSources) {
    this.#sources = sources;
    collectDefaultMetrics({ register: this.#registry, prefix: 'cella_service_' });
    sources.events.listen(({ type, ctid, how, verb }) => {
      if (type === 'started') this.#starts.inc({ ctid: String(ctid) });
      if (type === 'ended') this.#ends.inc({ ctid: String(ctid), how: String(how) });
      if (type === 'failed') this.#failures.inc({ verb: String(verb) });
      if (type === 'destroyed') this.#forget(String(ctid));
    });
  }

  async text(): Promise<{ readonly type: string; readonly text: string }> {
    this.#count(await this.#sources.list());
    await this.#countTraffic();
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #count(list: readonly ContainerInfo[]): void {
    for (const state of STATES)
      this.#containers.set({ state }, list.filter(({ status }) => status === state).length);
    for (const gauge of [this.#running, this.#uptime, this.#processes, this.#memory, this.#limit, this.#cpu])
      gauge.reset();
    this.#viewers.set(this.#sources.viewers());
    for (const info of list) this.#countOne(info);
  }

  /** The other metrics do not depend on nftables. */
  async #countTraffic(): Promise<void> {
    try {
      this.#traffic.set(await this.#sources.traffic());
    } catch {
      this.#traffic.set([]);
      this.#failures.inc({ verb: 'traffic' });
    }
  }

  #countOne({ ctid, status, uptime, numproc, physpages }: ContainerInfo): void {
    const labels = { ctid: String(ctid) };
    this.#running.set(labels, status === 'running' ? 1 : 0);
    if (status !== 'running') return;
    if (uptime !== null) this.#uptime.set(labels, uptime);
    if (numproc) this.#processes.set(labels, numproc.held);
    if (physpages) this.#memory.set(labels, physpages.held * PAGE);
    const unlimited = Number(physpages?.limit ?? 0n) >= Number.MAX_SAFE_INTEGER;
    if (physpages && !unlimited) this.#limit.set(labels, Number(physpages.limit) * PAGE);
    const cpu = this.#sources.stats(ctid)?.cpuMicroseconds ?? null;
    if (cpu !== null) this.#cpu.set(labels, Number(cpu) / 1e6);
  }

  #forget(ctid: string): void {
    this.#starts.remove({ ctid });
    for (const how of ['stopped', 'rebooted', 'powered-off', 'died']) this.#ends.remove({ ctid, how });
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }
}
