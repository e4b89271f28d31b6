/** CPU time, and on which CPUs. */
import { CPULIMIT, CPUMASK, CPUS, CPUUNITS, NODEMASK } from '../numbers.js';
import { COUNT } from '../value-type.js';
import { container, host, type Parameter, stored } from './parameter.js';

export const CPU: readonly Parameter[] = [
  container(['CPUUNITS', '--cpuunits'], CPUUNITS, 'its share of CPU time where there is not enough', {
    live: true,
    default: '1000',
  }),
  container(['CPULIMIT', '--cpulimit'], CPULIMIT, 'CPU time at most, 100 for one CPU, 0 for no limit', {
    unit: 'percent',
    live: true,
  }),
  container(['CPUS', '--cpus'], CPUS, 'CPU time of so many CPUs at most, and so many to run on', {
    live: true,
  }),
  container(['CPUMASK', '--cpumask'], CPUMASK, 'CPUs it may run on; auto: those of its nodes', {
    live: true,
    default: 'all',
  }),
  container(['NODEMASK', '--nodemask'], NODEMASK, 'NUMA nodes it may have memory of', {
    live: true,
    default: 'all',
  }),
  stored(['CPULIMIT_MHZ'], COUNT, 'kept for other tools'),
  stored(['CPUWEIGHT'], COUNT, 'kept for other tools'),
  stored(['BURST_CPU_AVG_USAGE', '--burst_cpu_avg_usage'], COUNT, 'use below which a burst is granted', {
    unit: 'percent',
  }),
  stored(['BURST_CPULIMIT', '--burst_cpulimit'], COUNT, 'CPU time at most in a burst', { unit: 'percent' }),
  host(
    'VE0CPUUNITS',
    CPUUNITS,
    "the host's own share of CPU time. Its processes are in no group of ours, whose weight could be set: where systemd runs the host, CPUWeight= of cella.service says what all containers together weigh beside its other services, elsewhere they weigh as much as one busy process for each CPU",
    {
      effect: 'stored',
      default: '1000',
    },
  ),
];
