/** The manual pages of commands, vzctl(8), vzlist(8), vzubc(8) and vznetstat(8): what commander knows of them, and what the tables say. */
import type { Command, Option } from 'commander';
import { findByOption, type Parameter, SUBJECTS } from '../../config/parameters.js';
import { EXIT } from '../../errors.js';
import { FIELDS } from '../list-fields.js';
import { describeProgram } from '../main.js';
import { EXIT_MEANINGS } from './exit-status.js';
import * as roff from './roff.js';

export function vzctlPage(version: string): string {
  const program = describeProgram('vzctl');
  return roff.page({ name: 'vzctl', section: 8, version, summary: program.description() }, [
    roff.heading('SYNOPSIS'),
    `${roff.bold('vzctl')} [${roff.italic('options')}] ${roff.italic('action')} ${roff.italic('ctid')}|${roff.italic('name')} [${roff.italic('options of the action')}]`,
    roff.paragraph(`${roff.bold('cella')} is the same command.`),
    roff.heading('OPTIONS'),
    ...optionsOf(program),
    roff.heading('ACTIONS'),
    ...program.commands.flatMap((command) => actionOf(command)),
    roff.heading('PARAMETERS'),
    roff.paragraph(roff.text(ABOUT_PARAMETERS)),
    ...Object.entries(SUBJECTS).flatMap(([subject, parameters]) => parametersOf(subject, parameters)),
    roff.heading('EXIT STATUS'),
    ...exitStatus(),
    roff.heading('FILES'),
    ...FILES.map(([path, what]) => roff.tagged(roff.bold(path), roff.text(what))),
    roff.heading('SEE ALSO'),
    'vzlist(8), vzmigrate(8), vzubc(8), vznetstat(8), vzcalc(8), vzmemcheck(8), vzcpucheck(8), vzcfgvalidate(8), vzsplit(8), vz.conf(5), ctid.conf(5)',
  ]);
}

export function vzlistPage(version: string): string {
  const program = describeProgram('vzlist');
  return roff.page({ name: 'vzlist', section: 8, version, summary: program.description() }, [
    roff.heading('SYNOPSIS'),
    `${roff.bold('vzlist')} [${roff.italic('options')}] [${roff.italic('ctid')}|${roff.italic('name')} ...]`,
    roff.heading('OPTIONS'),
    ...optionsOf(program),
    roff.heading('FIELDS'),
    roff.paragraph(roff.text('What --output and --sort take:')),
    roff.paragraph(FIELDS.map(({ name }) => roff.bold(name)).join(',\n')),
    roff.heading('SEE ALSO'),
    'vzctl(8), ctid.conf(5)',
  ]);
}

export function vznetstatPage(version: string): string {
  const program = describeProgram('vznetstat');
  return roff.page({ name: 'vznetstat', section: 8, version, summary: program.description() }, [
    roff.heading('SYNOPSIS'),
    `${roff.bold('vznetstat')} [${roff.italic('options')}]`,
    roff.paragraph(roff.text(ABOUT_TRAFFIC)),
    roff.heading('OPTIONS'),
    ...optionsOf(program),
    roff.heading('FILES'),
    roff.tagged(
      roff.bold('/etc/vz/networks_classes'),
      roff.text('Lines of a class, from 0 to 15, and a network of other ends.'),
    ),
    roff.heading('SEE ALSO'),
    'vzctl(8)',
  ]);
}

export function vzubcPage(version: string): string {
  const program = describeProgram('vzubc');
  return roff.page({ name: 'vzubc', section: 8, version, summary: program.description() }, [
    roff.heading('SYNOPSIS'),
    `${roff.bold('vzubc')} [${roff.italic('options')}] [${roff.italic('ctid')}|${roff.italic('name')} ...]`,
    ...ABOUT_BEANCOUNTERS.map((text) => roff.paragraph(roff.text(text))),
    roff.heading('OPTIONS'),
    ...optionsOf(program),
    roff.heading('SEE ALSO'),
    'vzctl(8), vzlist(8), ctid.conf(5)',
  ]);
}

const ABOUT_BEANCOUNTERS = [
  'HELD is what there is now, MAXH the most there was; BAR and LIM are its limits, Bar% and Lim% parts of them, and FAIL ' +
    'how often more was refused, since the container was started. "-" is nothing, or no limit.',
  'What Linux does not count for a container is "n/c", and five zeros with --raw. Limits that nothing holds a container ' +
    'to, such as that of privvmpages, are shown as none. The most there was is known of numproc and physpages, and of ' +
    'kmemsize with control groups of version 1; of the others it is what there is now. Failures of physpages are times ' +
    'that no memory could be had, those of oomguarpages processes that were killed for it.',
];

const ABOUT_TRAFFIC =
  'Packets, and bytes of IP, that passed at addresses of containers since those were created; input is what a container ' +
  'received. What is of no class counts as of class 1, which OpenVZ has match everything. Classes without traffic are ' +
  'left out, but for class 1, unless they are asked for.';

const ABOUT_PARAMETERS =
  'Options of create and set; those of a list may be given several times. Sizes take one of the suffixes T G M K P B, ' +
  'P for pages; NUM:NUM are barrier and limit, and one number sets both; "unlimited" is a number too. Without --save, ' +
  'set changes only a container that runs, until it stops.';

const FILES: readonly (readonly [string, string])[] = [
  ['/etc/vz/vz.conf', 'Settings of the host, and defaults of containers.'],
  ['/etc/vz/conf/CTID.conf', 'Settings of one container.'],
  ['/etc/vz/conf/ve-NAME.conf-sample', 'Settings that a new container begins with.'],
];

/** A verb, or a group of them, which have options of their own. */
function actionOf(command: Command, before = ''): readonly string[] {
  const name = `${before}${command.name()}`;
  if (command.commands.length > 0) return command.commands.flatMap((sub) => actionOf(sub, `${name} `));
  const own = command.options.filter((option) => !isParameter(option));
  const takesParameters = own.length < command.options.length;
  const parameters = takesParameters ? ` [${roff.italic('parameters')}]` : '';
  const usage = command.registeredArguments.map((argument) => {
    const shown = `${roff.italic(argument.name())}${argument.variadic ? ' ...' : ''}`;
    return argument.required ? shown : `[${shown}]`;
  });
  return [
    roff.subheading(name),
    `${[roff.bold(name), ...usage].join(' ')}${own.length > 0 ? ` [${roff.italic('options')}]` : ''}${parameters}`,
    roff.paragraph(roff.sentence(command.description())),
    ...own.flatMap(optionOf),
  ];
}

export function optionsOf(command: Command): readonly string[] {
  return command.options.flatMap(optionOf);
}

function optionOf(option: Option): readonly string[] {
  return option.hidden ? [] : [roff.tagged(roff.flags(option.flags), roff.sentence(option.description))];
}

/** Options that several verbs share come from the table; `--name` of others means something else. */
function isParameter({ long, description }: Option): boolean {
  const parameter = long ? findByOption(long) : undefined;
  return parameter !== undefined && parameter.option === long && description.startsWith(parameter.help);
}

function parametersOf(subject: string, parameters: readonly Parameter[]): readonly string[] {
  const shown = parameters.filter(({ option, hidden }) => option !== undefined && !hidden);
  if (shown.length === 0) return [];
  return [roff.subheading(subject), ...shown.map(parameterOf)];
}

function parameterOf(parameter: Parameter): string {
  const { option, short, value, placeholder = value.placeholder, help, unit, key } = parameter;
  const tag = roff.flags(`${short === undefined ? '' : `${short}, `}${option} <${placeholder}>`);
  return roff.tagged(tag, [roff.sentence(help), ...notes(parameter, unit), roff.text(`(${key})`)].join('\n'));
}

export function notes(parameter: Parameter, unit: string | undefined): readonly string[] {
  const { effect, live, settable, default: usual, scope } = parameter;
  return [
    ...(unit === undefined ? [] : [`A number alone is in ${unit}.`]),
    ...(usual === undefined ? [] : [`Default: ${usual}.`]),
    ...(effect === 'stored' ? ['Kept, without an effect.'] : []),
    ...(effect === 'yes' && settable && !live ? ['Takes effect at the next start.'] : []),
    ...(scope === 'container' && !settable && parameter.option ? ['Only of create.'] : []),
  ].map(roff.text);
}

function exitStatus(): readonly string[] {
  return Object.entries(EXIT)
    .toSorted(([, a], [, b]) => a - b)
    .map(([name, number]) =>
      roff.tagged(roff.bold(String(number)), roff.sentence(EXIT_MEANINGS[name as keyof typeof EXIT])),
    );
}
