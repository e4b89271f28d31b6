/** vzctl mount and umount */
import type { Register } from '../session.js';

export const registerMount: Register = (program, session) => {
  program
    .command('mount')
    .description("mount a container's root at VE_ROOT")
    .argument('<ctid>')
    .action(async (id: string) => {
      const container = await session.container(id);
      await container.mount({ signal: session.interruptible() });
    });
  program
    .command('umount')
    .description("unmount a container's root")
    .argument('<ctid>')
    .action(async (id: string) => {
      const container = await session.container(id);
      await container.umount({ signal: session.interruptible() });
    });
};
