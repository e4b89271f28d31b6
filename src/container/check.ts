/** check: what this host has and lacks. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DEFAULT_PRIVATE } from '../config/container-config.js';
import { canAdminister } from '../host/capabilities.js';
import { CGROUPS } from '../host/check/cgroups.js';
import { type Check, type Finding, judge, lacking, ok, type Surroundings } from '../host/check/finding.js';
import { KERNEL } from '../host/check/kernel.js';
import { MEMORY } from '../host/check/memory.js';
import { STORAGE } from '../host/check/storage.js';
import { PROGRAMS } from '../host/check/tools.js';
import { existing } from '../host/existing.js';
import { native } from '../native/binding.js';
import type { Context } from './context.js';

/** One after the other, each by itself; nothing is changed. */
export async function check(context: Context): Promise<readonly Finding[]> {
  const at: Surroundings = { area: areaOf(context), isRoot: canAdminister() };
  const checks = [...ourselves(context, at), ...KERNEL, ...CGROUPS, ...MEMORY, ...STORAGE, ...PROGRAMS];
  const findings: Finding[] = [];
  for (const each of checks) findings.push(await judge(each, at));
  return findings;
}

/** Where private areas are, or what there is of the way there. */
function areaOf({ paths, hostConfig }: Context): string {
  return existing(dirname(paths.at(privatePattern(paths.hostConfig, hostConfig))));
}

/** The default as long as there is no sound file that says otherwise: another check tells of that. */
function privatePattern(path: string, hostConfig: Context['hostConfig']): string {
  try {
    return existsSync(path) ? hostConfig().private : DEFAULT_PRIVATE;
  } catch {
    return DEFAULT_PRIVATE;
  }
}

const OLDEST_NODE = 20;

function ourselves({ paths, hostConfig }: Context, { isRoot }: Surroundings): readonly Check[] {
  return [
    {
      subject: 'Node.js',
      required: true,
      consequence: 'nothing is sure to work',
      advice: `Install Node.js ${OLDEST_NODE} or newer.`,
      probe: () =>
        (Number.parseInt(process.versions.node, 10) >= OLDEST_NODE ? ok : lacking)(process.versions.node),
    },
    {
      subject: 'native part',
      required: true,
      consequence: 'nothing works',
      advice: 'Build it with "npm rebuild", for which a C++ compiler is needed.',
      probe: () => {
        native();
        return ok('it is built');
      },
    },
    {
      subject: 'root',
      required: true,
      consequence: 'containers can be neither made nor started, and not all could be tried',
      advice: 'Run it as root, with all capabilities.',
      probe: () => (isRoot ? ok('it has what it takes') : lacking(`this is user ${process.getuid?.()}`)),
    },
    {
      subject: 'setup',
      required: true,
      consequence: 'there are no containers',
      advice: 'Run "cella setup", and correct what it complains of.',
      probe: () => {
        if (!existsSync(paths.hostConfig)) return lacking(`there is no ${paths.hostConfig}`);
        hostConfig();
        return ok(paths.hostConfig);
      },
    },
  ];
}
