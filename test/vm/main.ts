/** The VM lane's command line; see CONTRIBUTING.md. */
import { Command } from 'commander';
import { provideTemplate, RECIPES } from '../helpers/templates.js';
import { ended } from './guest.js';
import { provideImage } from './image.js';
import { keptGuest, stopKept } from './kept.js';
import { type LaneOptions, runLane } from './lane.js';
import { Problem } from './problem.js';

const program = new Command('vm')
  .enablePositionalOptions()
  .description('a Debian 13 server in QEMU: cgroup v2, systemd, CRIU');

program
  .command('test')
  .description('run the suites in a fresh guest, or files in the one that is kept')
  .argument('[file...]')
  .option('--all', 'every suite and every test')
  .option('--hosts <number>', 'guests: 2 runs the suites that need two hosts', Number, 1)
  .option('--guests <number>', 'guests that share the suites', Number, 1)
  .option('--rebuild', 'build the image even if it is in the cache')
  .option('--limit <minutes>', 'how long the suites may take', Number, 70)
  .action(async (files: readonly string[], options: LaneOptions) => {
    if (![1, 2].includes(options.hosts)) throw new Problem('--hosts takes 1 or 2');
    if (![1, 2].includes(options.guests)) throw new Problem('--guests takes 1 or 2');
    if (!(options.limit > 0)) throw new Problem('--limit takes a number of minutes');
    process.exitCode = await runLane(files, options);
  });

program
  .command('shell')
  .description('a shell in the guest that is kept, or one command')
  .argument('[command...]')
  .passThroughOptions()
  .action(async (words: readonly string[]) => {
    const guest = await keptGuest(await provideImage({ rebuild: false }));
    const command = words.length > 0 ? words.join(' ') : 'exec bash --login';
    const terminal = words.length === 0;
    const session = guest.ssh(`cd /srv/cella; export PATH=/srv/cella/.node:$PATH; ${command}`, {
      terminal,
      stdin: 'inherit',
    });
    process.exitCode = (await ended(session)).code ?? 1;
  });

program
  .command('stop')
  .description('stop the guest that is kept')
  .action(async () => {
    console.log((await stopKept()) ? 'stopped' : 'none was running');
  });

program
  .command('build')
  .description('build the image, and the templates that guests have')
  .option('--rebuild', 'even if it is in the cache')
  .action(async ({ rebuild }: { rebuild?: true }) => {
    const { directory } = await provideImage({ rebuild: rebuild ?? false });
    for (const recipe of RECIPES) await provideTemplate(recipe);
    console.log(directory);
  });

program.parseAsync().catch((error: unknown) => {
  const known = error instanceof Problem || (error instanceof Error && 'code' in error);
  console.error(
    `vm: ${known ? (error as Error).message : error instanceof Error ? error.stack : String(error)}`,
  );
  process.exitCode = 1;
});
