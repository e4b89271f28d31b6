/** vzctl runscript */

import type { Register } from '../session.js';
import { attend } from './exec.js';

export const registerRunscript: Register = (program, session) => {
  program
    .command('runscript')
    .description('run a file of the host in a container, which need not run')
    .argument('<ctid>')
    .argument('<file>')
    .action(async (id: string, file: string) => {
      const container = await session.container(id);
      // Standard input is the script.
      session.status = await attend(await container.runScript(file), session.io, { input: false });
    });
};
