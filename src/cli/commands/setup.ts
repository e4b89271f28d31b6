/** cella setup */
import type { Register } from '../session.js';

export const registerSetup: Register = (program, session) => {
  program
    .command('setup')
    .description('make this host ready: vz.conf, samples, the built-in template')
    .action(async () => {
      for (const line of await (await session.host()).setup()) await session.say(line);
    });
};
