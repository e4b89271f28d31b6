/** vzctl snapshot, snapshot-switch, snapshot-delete, snapshot-mount, snapshot-umount */
import type { Register } from '../session.js';

interface TakeOptions {
  readonly id?: string;
  readonly name?: string;
  readonly description?: string;
  readonly skipConfig?: true;
  readonly skipSuspend?: true;
}

export const registerSnapshot: Register = (program, session) => {
  program
    .command('snapshot')
    .description("keep the state of a container's files and processes")
    .argument('<ctid>')
    .option('--id <uuid>', 'its id; default: a new one')
    .option('--name <name>')
    .option('--description <text>')
    .option('--skip-suspend', 'the state of files alone')
    .option('--skip-config', "without the container's config")
    .action(async (ctid: string, { id, ...options }: TakeOptions) => {
      const container = await session.container(ctid);
      const signal = session.interruptible();
      const { uuid } = await container.snapshot({
        ...options,
        ...(id === undefined ? {} : { uuid: id }),
        signal,
      });
      await session.say(`Snapshot {${uuid}} was taken`, container.ctid);
    });
  registerSwitch(program, session);
  registerDelete(program, session);
  registerMounts(program, session);
};

interface SwitchOptions {
  readonly id: string;
  readonly skipResume?: true;
  readonly mustResume?: true;
  readonly skipConfig?: true;
}

const registerSwitch: Register = (program, session) => {
  program
    .command('snapshot-switch')
    .description('go back to a snapshot; what the container has now is given up')
    .argument('<ctid>')
    .requiredOption('--id <uuid>')
    .option('--skip-resume', 'to files alone: no processes go on')
    .option('--must-resume', 'fail where no processes can go on')
    .option('--skip-config', 'leave the config as it is')
    .action(async (ctid: string, { id, ...options }: SwitchOptions) => {
      const container = await session.container(ctid);
      await container.switchSnapshot(id, { ...options, signal: session.interruptible() });
      await session.say(`Container ${container.ctid} is as it was at the snapshot`, container.ctid);
    });
};

const registerDelete: Register = (program, session) => {
  program
    .command('snapshot-delete')
    .description('forget a snapshot')
    .argument('<ctid>')
    .requiredOption('--id <uuid>')
    .action(async (ctid: string, { id }: { readonly id: string }) => {
      const container = await session.container(ctid);
      await container.deleteSnapshot(id, { signal: session.interruptible() });
      await session.say('Snapshot was deleted', container.ctid);
    });
};

const registerMounts: Register = (program, session) => {
  program
    .command('snapshot-mount')
    .description('mount what a snapshot holds, read-only')
    .argument('<ctid>')
    .requiredOption('--id <uuid>')
    .requiredOption('--target <directory>')
    .action(async (ctid: string, { id, target }: { readonly id: string; readonly target: string }) => {
      const container = await session.container(ctid);
      await container.mountSnapshot(id, target, { signal: session.interruptible() });
      await session.say(`Snapshot is mounted at ${target}`, container.ctid);
    });
  program
    .command('snapshot-umount')
    .description('unmount a snapshot')
    .argument('<ctid>')
    .requiredOption('--id <uuid>')
    .action(async (ctid: string, { id }: { readonly id: string }) => {
      const container = await session.container(ctid);
      await container.umountSnapshot(id, { signal: session.interruptible() });
      await session.say('Snapshot is unmounted', container.ctid);
    });
};
