/** vzctl create */
import { CellaError } from '../../errors.js';
import { addParameters, changesOf } from '../parameters.js';
import type { Register } from '../session.js';

export const registerCreate: Register = (program, session) => {
  const command = program
    .command('create')
    .description('make a container from a template')
    .argument('<ctid>')
    .option('--ostemplate <name>', 'template; default: DEF_OSTEMPLATE of vz.conf')
    .option('--config <sample>', 'sample configuration; default: CONFIGFILE of vz.conf')
    .option('--local_uid <id>', 'first user id of its range; 0: privileged, without a user namespace')
    .option('--local_gid <id>', 'the same number, accepted for compatibility');
  addParameters(command, { settableOnly: false }).action(
    async (id: string, options: Record<string, string>) => {
      const container = await session.container(id);
      const template = options.ostemplate === undefined ? '' : ` (${options.ostemplate})`;
      await session.say(`Creating container private area${template}`);
      await container.create({
        changes: changesOf(options),
        ...(options.ostemplate === undefined ? {} : { ostemplate: options.ostemplate }),
        ...(options.config === undefined ? {} : { sample: options.config }),
        ...localUid(options),
        signal: session.interruptible(),
      });
      await session.say('Container private area was created', container.ctid);
    },
  );
};

/** One range serves users and groups alike. */
function localUid({ local_uid: uid, local_gid: gid }: Record<string, string>): { localUid?: number } {
  const users = uid === undefined ? undefined : parseId('--local_uid', uid);
  const groups = gid === undefined ? users : parseId('--local_gid', gid);
  if (users !== undefined && users !== groups)
    throw new CellaError('BAD_VALUE', `--local_gid ${groups} must be the same as --local_uid ${users}`);
  return groups === undefined ? {} : { localUid: groups };
}

function parseId(option: string, text: string): number {
  const id = Number(text);
  if (/^\d+$/.test(text) && id <= 4_294_901_760) return id;
  throw new CellaError('BAD_VALUE', `${option}: '${text.slice(0, 64)}' is not an id`);
}
