/** Prometheus metrics: counted when they are asked for, from what the kernel has. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ContainerInfo } from '../container/listed.js';
import type { ContainerTraffic } from '../container/traffic.js';
import type { CgroupStats } from '../host/cgroup/index.js';
import type { Waited } from '../host/pressure.js';
import type { Events } from './events.js';
import { TrafficMetrics } from './traffic-metrics.js';

export interface MetricSources {
  readonly events: Events;
  list(): Promise<readonly ContainerInfo[]>;
  /** Of one that runs. */
  used(ctid: number): { readonly stats: CgroupStats; readonly waited: readonly Waited[] } | undefined;
  traffic(): Promise<readonly ContainerTraffic[]>;
  viewers(): number;
}

const LABELS = ['ctid'] as const;
const WAITED = ['ctid', 'resource'] as const;
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
  readonly #cpu = this.#counter('cella_container_cpu_seconds_total', 'CPU time that it has used.', LABELS);
  readonly #waiting = this.#counter(
    'cella_container_pressure_waiting_seconds_total',
    'How long some of its processes waited for what is short (PSI, some).',
    WAITED,
  );
  readonly #stalled = this.#counter(
    'cella_container_pressure_stalled_seconds_total',
    'How long all of its processes that had work waited for it (PSI, full).',
    WAITED,
  );
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
    for (const gauge of [this.#running, this.#uptime, this.#processes, this.#memory, this.#limit])
      gauge.reset();
    // The kernel counts: what is told is what it says, from zero on after a restart, as rate() expects.
    for (const counter of [this.#cpu, this.#waiting, this.#stalled]) counter.reset();
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
    const used = this.#sources.used(ctid);
    const cpu = used?.stats.cpuMicroseconds ?? null;
    if (cpu !== null) this.#cpu.inc(labels, seconds(cpu));
    for (const { resource, some, full } of used?.waited ?? []) {
      this.#waiting.inc({ ...labels, resource }, seconds(some));
      if (full !== null) this.#stalled.inc({ ...labels, resource }, seconds(full));
    }
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

function seconds(microseconds: bigint): number {
  return Number(microseconds) / 1e6;
}
