/** The manual pages of the small commands that tell how much of the host is whose. */
import type { Command } from 'commander';
import { describeProgram, type Program } from '../main.js';
import { optionsOf } from './commands.js';
import * as roff from './roff.js';

interface Tool {
  readonly program: Program;
  /** Paragraphs. */
  readonly about: readonly string[];
  readonly statuses: readonly (readonly [status: number, meaning: string])[];
  readonly seeAlso: string;
}

const FAILED = [
  [0, 'success'],
  [1, 'failure'],
] as const;

const TOOLS: readonly Tool[] = [
  {
    program: 'vzmigrate',
    about: [
      'Moves a container to another host that has Cella, through one connection of ssh(1), which has to let root in there ' +
        'without asking. Files go first, while it runs, in rounds until little is left; then it stands still or stops, ' +
        'and what has changed meanwhile follows. A template that the other host has with the same digest is not sent.',
      'With --online its processes, connections and memory go with it. It goes on there only once the other host has all ' +
        'of it; it is ended here only once it runs there and is well: until then whatever fails, it goes on here. It never ' +
        'runs at both. Where the connection breaks after it was let go there, it stands still here for up to 25 seconds, ' +
        'in which a copy that nobody has confirmed ends by itself. Where it breaks in the very moment of the confirmation, ' +
        'each later command asks the other host; if that cannot be reached any more, the container stands still until ' +
        'somebody says with --settle where it is.',
      'With --mode pre-copy most of its memory goes ahead: all of it while it runs, then what it has changed since, in up to ' +
        'eight rounds, as long as they get smaller. Each holds it for a moment. The kernel has to ' +
        'tell which pages change (CONFIG_MEM_SOFT_DIRTY). With --mode post-copy most of it follows when the container runs ' +
        'there already, as it is needed; until all of it is there what stands still here is as it was, with its files, and ' +
        'where the connection breaks in that time, it goes on from there: what the copy has done meanwhile is lost. Both ' +
        'hosts need the same kind of CRIU, and vm.unprivileged_userfaultfd is 1 there for a moment. With --mode hybrid most ' +
        'of it goes ahead, and the rest follows. With --mode auto, the default, more than 128 MiB of memory go ahead, where ' +
        'the kernel can tell, and follow where it cannot, or where it is changed as fast as it goes; with --mode stop all of ' +
        'it goes while it stands still.',
      'Snapshots go along, those with processes too. The other host takes them by its own means: on an overlay as layers, ' +
        'on btrfs as subvolumes, else as copies.',
      'A suspended container goes with its state, and can be resumed there; --online is for one that runs.',
      'With --keep-dst, files that were sent stay there if it fails, and the next move of that container sends only what ' +
        'differs from them, whether or not they were changed meanwhile; not so with snapshots. They are no container; "vzctl destroy" of that ' +
        'number takes them away there, and so does whatever gets that number.',
      'Cannot be moved: what has a bind mount of a path that the other host lacks; with --online also what "cella check --checkpoint" ' +
        'names. Private addresses of NAT are kept only where both hosts have the same PRIVATE_NETWORK. The other host ' +
        'trusts this one as it trusts whoever may log in as root.',
    ],
    statuses: [
      [0, 'it is there, or could be moved there'],
      [1, 'wrong options or arguments'],
      [2, 'it does not run, and was to be moved online'],
      [4, 'the connection failed'],
      [6, 'there is no room for it there'],
      [7, 'it cannot be moved, or does not go on there'],
      [8, 'it could not be stopped, or made to stand still'],
      [9, 'there is a container of that number there'],
      [10, 'it does not exist'],
      [12, 'an address of it is in use there'],
      [20, 'another command works on it'],
      [21, 'where it is could not be found out: it stands still'],
    ],
    seeAlso: 'vzctl(8), ssh(1), vz.conf(5)',
  },
  {
    program: 'vzcalc',
    about: [
      'Current is what the container holds, Promised what its configuration guarantees it, Max what it may take at most, ' +
        'each in percent of what the host has. Memory is in each column the largest of the rows about memory.',
      'Memory leaves out what of files can be given back at once. Promised is the higher one of VMGUARPAGES and ' +
        'OOMGUARPAGES, and no more than PHYSPAGES; control groups of version 1 know the former as a soft limit and the ' +
        'latter not at all. Processes cannot be promised. "n/a" is what Linux does not count or promise, "unlimited" what ' +
        'has no limit.',
      'The rows of OpenVZ for low memory, which 64-bit machines do not have, and for allocated memory, which Linux ' +
        'counts for the whole host alone (see vzmemcheck(8)), are not there.',
    ],
    statuses: FAILED,
    seeAlso: 'vzmemcheck(8), vzcpucheck(8), vzubc(8), ctid.conf(5)',
  },
  {
    program: 'vzmemcheck',
    about: [
      'RAM is the memory of the host, MemSwap that and its swap; util is what is in use, commit what configurations of ' +
        'running containers guarantee, limit what these may take at most. The summary is of the whole host; row 0 is what ' +
        'of it is in no container, which nothing limits.',
      'Alloc is what programs have asked for, used or not (Committed_AS of proc_meminfo(5)), against RAM and swap: Linux ' +
        'counts it for the whole host alone, and limits it only where vm.overcommit_memory is 2. The columns of OpenVZ for ' +
        'low memory are not there: 64-bit machines have none.',
    ],
    statuses: FAILED,
    seeAlso: 'vzcalc(8), vzcpucheck(8), vz.conf(5)',
  },
  {
    program: 'vzcpucheck',
    about: [
      'The utilization is the sum of CPUUNITS of running containers. The power of the node is what OpenVZ takes it for: 25 ' +
        'for each of the bogomips of all processors. To Linux units are weights among those that want to run, whatever ' +
        'their sum: as long as it is no more than the power, none gets less than its part of that.',
    ],
    statuses: FAILED,
    seeAlso: 'vzcalc(8), ctid.conf(5)',
  },
  {
    program: 'vzcfgvalidate',
    about: [
      'An error is limits that contradict each other, a warning a limit that holds nothing beside another one, or that ' +
        'this host cannot keep, a recommendation a limit that is missing. --repair puts errors and warnings right where ' +
        'there is one way to: barriers and guarantees are lowered to the limits above them, PHYSPAGES is set to ' +
        'PRIVVMPAGES, which limits nothing on Linux. Other lines of the file stay as they are; nothing is asked.',
      'A file with a line or a value that cannot be read is refused, with all of them named. Defaults from vz.conf(5) are ' +
        'not looked at.',
    ],
    statuses: [
      [0, 'no errors'],
      [1, 'the file cannot be read'],
      [2, 'there are errors'],
    ],
    seeAlso: 'ctid.conf(5), vzsplit(8)',
  },
  {
    program: 'vzsplit',
    about: [
      'Each part has the same limits of memory, swap, processes, disk space and inodes, and its memory guaranteed. A tenth ' +
        'of everything is left to the host, and of memory no less than 256 MiB. Disk space and inodes are those that are ' +
        'free now. Processors are shared by weights, which are equal.',
    ],
    statuses: FAILED,
    seeAlso: 'vzctl(8), vzcfgvalidate(8), ctid.conf(5)',
  },
];

/** By name. */
export function toolPages(version: string): Readonly<Record<string, string>> {
  return Object.fromEntries(TOOLS.map((tool) => [tool.program, pageOf(tool, version)]));
}

function pageOf({ program, about, statuses, seeAlso }: Tool, version: string): string {
  const command = describeProgram(program);
  return roff.page({ name: program, section: 8, version, summary: command.description() }, [
    roff.heading('SYNOPSIS'),
    [`${roff.bold(program)} [${roff.italic('options')}]`, ...argumentsOf(command)].join(' '),
    ...about.map((text) => roff.paragraph(roff.text(text))),
    roff.heading('OPTIONS'),
    ...optionsOf(command),
    roff.heading('EXIT STATUS'),
    ...statuses.map(([status, meaning]) => roff.tagged(roff.bold(String(status)), roff.sentence(meaning))),
    roff.heading('SEE ALSO'),
    seeAlso,
  ]);
}

function argumentsOf(command: Command): readonly string[] {
  return command.registeredArguments.map((argument) => roff.italic(argument.name()));
}
