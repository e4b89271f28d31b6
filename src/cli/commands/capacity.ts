/** vzcalc, vzmemcheck and vzcpucheck: how much of the host containers hold, and were promised. */
import { CellaError } from '../../errors.js';
import { memoryRows, memoryShare, sharesOf } from '../../plan/capacity/shares.js';
import { cpuTable, cpuWeights, memoryTable, shareTable } from '../capacity/tables.js';
import type { Register } from '../session.js';
import { literal } from '../table.js';

export const addCalc: Register = (command, session) => {
  command
    .description('how much of the host a container holds, was promised, and may take at most')
    .argument('<ctid>')
    .option('-v, --all', 'each resource by itself')
    .option('-j, --json', 'for programs')
    .action(async (id: string, { all, json }: { all?: true; json?: true }) => {
      const host = await session.host();
      const { ctid } = host.container(id);
      const capacity = await host.capacity({ ctids: new Set([ctid]) });
      const [container] = capacity.containers;
      if (!container) throw new CellaError('NO_CONFIG', `container ${ctid} does not exist`);
      const shares = sharesOf(container, capacity.host);
      session.io.stdout.write(
        json
          ? `${literal({ ctid, running: container.running, shares, memory: memoryShare(shares) })}\n`
          : shareTable(container, capacity, all ?? false),
      );
    });
};

export const addMemcheck: Register = (command, session) => {
  command
    .description('how much of the memory of the host is in use, promised, and allowed to containers')
    .option('-v, --each', 'each container by itself; 0 is what is in none')
    .option('-A, --absolute', 'in MiB, and the last line is what there is')
    .option('-j, --json', 'for programs, in bytes')
    .action(async ({ each, absolute, json }: { each?: true; absolute?: true; json?: true }) => {
      const capacity = await (await session.host()).capacity();
      const text = json
        ? `${literal({ host: capacity.host, rows: memoryRows(capacity) })}\n`
        : memoryTable(capacity, each ?? false, absolute ?? false);
      session.io.stdout.write(text);
    });
};

export const addCpucheck: Register = (command, session) => {
  command
    .description('weights of the processors that running containers have, and that the host has to give')
    .option('-v, --each', 'each container by itself')
    .option('-j, --json', 'for programs')
    .action(async ({ each, json }: { each?: true; json?: true }) => {
      const capacity = await (await session.host()).capacity();
      const running = capacity.containers.filter((container) => container.running);
      const containers = running.map(({ ctid, cpu }) => ({ ctid, ...cpu }));
      session.io.stdout.write(
        json ? `${literal({ ...cpuWeights(capacity), containers })}\n` : cpuTable(capacity, each ?? false),
      );
    });
};
