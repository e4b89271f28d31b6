/** What Prometheus is told. */
import { expect, it } from 'vitest';
import type { ContainerInfo } from '../../../src/container/listed.js';
import type { CgroupStats } from '../../../src/host/cgroup/index.js';
import type { Waited } from '../../../src/host/pressure.js';
import { Events } from '../../../src/service/events.js';
import { Metrics } from '../../../src/service/metrics.js';

const info = (ctid: number, status: string) =>
  ({ ctid, status, uptime: 5, numproc: null, physpages: null }) as unknown as ContainerInfo;

function metrics(list: readonly ContainerInfo[]) {
  const used = { cpu: 0n, waited: [] as readonly Waited[] };
  const made = new Metrics({
    events: new Events(),
    list: async () => list,
    used: () => ({ stats: { cpuMicroseconds: used.cpu } as CgroupStats, waited: used.waited }),
    traffic: async () => [],
    viewers: () => 0,
  });
  const lines = async (): Promise<readonly string[]> =>
    (await made.text()).text
      .split('\n')
      .filter((line) => /^(# TYPE )?cella_container_(cpu|pressure)/.test(line));
  return { used, lines };
}

it('counts CPU time and pressure of those that run, as the kernel does', async () => {
  const { used, lines } = metrics([info(101, 'running'), info(102, 'stopped')]);
  used.cpu = 2_500_000n;
  used.waited = [
    { resource: 'cpu', some: 1_000_000n, full: null },
    { resource: 'memory', some: 3000n, full: 2000n },
  ];
  const expected = [
    '# TYPE cella_container_cpu_seconds_total counter',
    'cella_container_cpu_seconds_total{ctid="101"} 2.5',
    '# TYPE cella_container_pressure_waiting_seconds_total counter',
    'cella_container_pressure_waiting_seconds_total{ctid="101",resource="cpu"} 1',
    'cella_container_pressure_waiting_seconds_total{ctid="101",resource="memory"} 0.003',
    '# TYPE cella_container_pressure_stalled_seconds_total counter',
    'cella_container_pressure_stalled_seconds_total{ctid="101",resource="memory"} 0.002',
  ];
  expect(await lines()).toEqual(expected);
  // Asking again adds nothing.
  expect(await lines()).toEqual(expected);
});

it('counts from zero on once more after a restart, and says nothing of pressure where the kernel does not', async () => {
  const { used, lines } = metrics([info(101, 'running')]);
  used.cpu = 9_000_000n;
  await lines();
  used.cpu = 0n;
  expect((await lines()).filter((line) => !line.startsWith('#'))).toEqual([
    'cella_container_cpu_seconds_total{ctid="101"} 0',
  ]);
});
