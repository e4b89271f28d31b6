/** cella template build */
import type { BuildEvent } from '../../template/build.js';
import { ProgressLine } from '../progress-line.js';
import type { Register } from '../session.js';

export const registerTemplateBuild: Register = (command, session) => {
  command
    .command('build')
    .description('build a template from a recipe that comes with Cella')
    .argument('<recipe>')
    .option('--arch <arch>', 'the machine to build for: x86_64 or aarch64')
    .option('--json', 'progress and result as lines of JSON')
    .action(async (recipe: string, { arch, json }: { arch?: string; json?: true }) => {
      const { templates } = await session.host();
      const { stdout } = session.io;
      const progress = json ? undefined : new ProgressLine(session);
      const report = progress
        ? ({ template, step }: BuildEvent) => progress.show(`${template}: ${step}`)
        : (event: BuildEvent) => void stdout.write(`${JSON.stringify(event)}\n`);
      const building = templates.build(recipe, { arch, report, signal: session.interruptible() });
      const { name, directory, ...manifest } = await building.finally(() => progress?.clear());
      if (json) stdout.write(`${JSON.stringify({ template: name, directory, manifest })}\n`);
      else await session.say(`Built template ${name} in ${directory}`);
    });
};
