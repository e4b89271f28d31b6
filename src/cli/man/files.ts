/** The manual pages of the configuration files, vz.conf(5) and ctid.conf(5), from the table of parameters. */
import { findByKey, PARAMETERS, type Parameter, SUBJECTS } from '../../config/parameters.js';
import { notes } from './commands.js';
import * as roff from './roff.js';

export function hostConfigPage(version: string): string {
  const summary = 'settings of a host, and defaults of its containers';
  return roff.page({ name: 'vz.conf', section: 5, version, summary }, [
    roff.heading('DESCRIPTION'),
    roff.text(
      '/etc/vz/vz.conf has one KEY="value" a line. Every key of ctid.conf(5) may stand here as a default.',
    ),
    roff.paragraph(roff.text('In VE_ROOT and VE_PRIVATE, $VEID stands for the id of the container.')),
    roff.heading('KEYS'),
    ...keysOf(PARAMETERS.filter(({ scope }) => scope === 'host')),
    roff.heading('SEE ALSO'),
    'vzctl(8), ctid.conf(5)',
  ]);
}

export function containerConfigPage(version: string): string {
  return roff.page({ name: 'ctid.conf', section: 5, version, summary: 'settings of a container' }, [
    roff.heading('DESCRIPTION'),
    roff.text(ABOUT),
    ...Object.entries(SUBJECTS).flatMap(([subject, parameters]) => {
      const keys = keysOf(parameters.filter(({ scope }) => scope === 'container'));
      return keys.length === 0 ? [] : [roff.heading(subject.toUpperCase()), ...keys];
    }),
    roff.heading('SEE ALSO'),
    'vzctl(8), vz.conf(5)',
  ]);
}

const ABOUT =
  '/etc/vz/conf/CTID.conf has one KEY="value" a line; what is not set here is as in vz.conf(5). "vzctl set --save" ' +
  'changes the lines of its keys and leaves all others as they are, those of other tools too.';

function keysOf(parameters: readonly Parameter[]): readonly string[] {
  const keys = [...new Set(parameters.map(({ key, saved }) => (saved ? key : '')))].filter(Boolean);
  return keys.map((key) => {
    const parameter = findByKey(key) as Parameter;
    const options = parameters.filter((each) => each.key === key && each.option && !each.hidden);
    const set = options.map(({ option }) => option).join(', ');
    return roff.tagged(
      roff.bold(key),
      [
        roff.sentence(parameter.help),
        ...notes(parameter, undefined),
        ...(set === '' ? [] : [roff.text(`Set by ${set}.`)]),
      ].join('\n'),
    );
  });
}
