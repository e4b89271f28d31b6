/** CPUs and memory nodes of the host, in the kernel's form (cpuset(7), List format). */
import { readFileSync } from 'node:fs';
import { numbersOf } from '../config/numbers.js';
import { isErrno } from '../errors.js';

export function onlineCpus(): string {
  return read('/sys/devices/system/cpu/online') ?? '0';
}

/** A kernel without NUMA has node 0 alone. */
export function onlineNodes(): string {
  return read('/sys/devices/system/node/online') ?? '0';
}

/** CPUs that belong to some nodes; a node that is not there has none. */
export function cpusOfNodes(nodes: string): string {
  const lists = numbersOf(nodes).map((node) => read(`/sys/devices/system/node/node${node}/cpulist`));
  return lists.filter(Boolean).join(',') || onlineCpus();
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
