/** vzctl set */
import { CellaError } from '../../errors.js';
import { addParameters, changesOf } from '../parameters.js';
import type { Register } from '../session.js';

const MODES = ['restart', 'ignore'] as const;

interface Flags {
  readonly save?: true;
  readonly force?: true;
  readonly reset_ub?: true;
  readonly setmode?: string;
  readonly applyconfig?: string;
}

export const registerSet: Register = (program, session) => {
  const command = program
    .command('set')
    .description("change a container's parameters")
    .argument('<ctid>')
    .option('--save', 'keep the changes in the configuration file')
    .option('--force', 'save even what cannot be applied to the running container')
    .option('--setmode <restart|ignore>', 'for what needs a restart: do that, or do not warn')
    .option('--applyconfig <NAME>', 'set all that a sample configuration has')
    .option('--reset_ub', 'give the running container the limits of its configuration once more')
    .option('--offline-resize', 'accepted for compatibility');
  addParameters(command, { settableOnly: true }).action(
    async (id: string, options: Record<string, unknown> & Flags) => {
      const container = await session.container(id);
      const changes = changesOf(options);
      const resetLimits = options.reset_ub === true;
      if (changes.size === 0 && options.applyconfig === undefined && !resetLimits)
        throw new CellaError('BAD_OPTION', 'nothing to set: give at least one parameter');
      await container.set(changes, {
        save: options.save === true,
        force: options.force === true,
        setMode: modeOf(options.setmode),
        applyConfig: options.applyconfig,
        resetLimits,
        signal: session.interruptible(),
      });
      if (options.save) await session.say(`CT configuration saved to ${container.ctid}.conf`, container.ctid);
    },
  );
};

function modeOf(text: string | undefined): (typeof MODES)[number] | undefined {
  const mode = MODES.find((each) => each === text);
  if (text !== undefined && mode === undefined)
    throw new CellaError('BAD_VALUE', `--setmode: restart or ignore expected: ${JSON.stringify(text)}`);
  return mode;
}
