/** cella template build */
import type { BuildEvent } from '../../template/build.js';
import type { Register, Session } from '../session.js';

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
        ? (event: BuildEvent) => progress.show(event)
        : (event: BuildEvent) => void stdout.write(`${JSON.stringify(event)}\n`);
      const building = templates.build(recipe, { arch, report, signal: session.interruptible() });
      const { name, directory, ...manifest } = await building.finally(() => progress?.clear());
      if (json) stdout.write(`${JSON.stringify({ template: name, directory, manifest })}\n`);
      else await session.say(`Built template ${name} in ${directory}`);
    });
};

const ERASE_LINE = '\r\u001b[K';

/** What a build is at: one line that changes on a terminal, a line each elsewhere. */
class ProgressLine {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  show({ template, step }: BuildEvent): void {
    const { stdout, columns } = this.#session.io;
    const width = columns();
    const line = `${template}: ${step}`;
    if (width === undefined) void this.#session.say(line);
    else stdout.write(`${ERASE_LINE}${line.slice(0, width - 1)}`);
  }

  clear(): void {
    const { stdout, columns } = this.#session.io;
    if (columns() !== undefined) stdout.write(ERASE_LINE);
  }
}
