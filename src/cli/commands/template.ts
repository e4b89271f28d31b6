/** cella template: build, import, list, info, remove, verify */
import type { Command } from 'commander';
import type { TemplateInfo } from '../../container/templates.js';
import type { Register, Session } from '../session.js';
import { registerTemplateBuild } from './template-build.js';

export const registerTemplate: Register = (program, session) => {
  const group = program.command('template').description('templates, which containers are made from');
  for (const register of ACTIONS) register(group, session);
};

/** A file of its own for an action that has more to say than these. */
const ACTIONS: readonly Register[] = [
  registerTemplateBuild,
  registerImport,
  registerShow,
  registerRemove,
  registerVerify,
];

function registerImport(group: Command, session: Session): void {
  group
    .command('import')
    .description('make a template of a tarball, an OCI layout, or an archive of an image')
    .argument('<source>', 'file or directory')
    .option('--name <name>', 'name of the template; default: after the file')
    .action(async (source: string, { name }: { name?: string }) => {
      const { templates } = await session.host();
      const template = await templates.import(source, { name, signal: session.interruptible() });
      await session.say(`Template ${template.name} was imported: ${contents(template)}`);
    });
}

function registerShow(group: Command, session: Session): void {
  group
    .command('list')
    .description('templates that there are')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: true }) => {
      const templates = await (await session.host()).templates.list();
      const text = json ? JSON.stringify(templates, null, 2) : templates.map(({ name }) => name).join('\n');
      if (text !== '') session.io.stdout.write(`${text}\n`);
    });
  group
    .command('info')
    .description('what a template is')
    .argument('<name>')
    .option('--json', 'for programs')
    .action(async (name: string, { json }: { json?: true }) => {
      const template = await (await session.host()).templates.info(name);
      session.io.stdout.write(json ? `${JSON.stringify(template, null, 2)}\n` : facts(template));
    });
}

function registerRemove(group: Command, session: Session): void {
  group
    .command('remove')
    .description('remove a template that no container is made from')
    .argument('<name>')
    .action(async (name: string) => {
      await (await session.host()).templates.remove(name, { signal: session.interruptible() });
      await session.say(`Template ${name} was removed`);
    });
}

function registerVerify(group: Command, session: Session): void {
  group
    .command('verify')
    .description('check that the files of a template are what they were when it was made')
    .argument('<name>')
    .action(async (name: string) => {
      await (await session.host()).templates.verify(name, { signal: session.interruptible() });
      await session.say(`Template ${name} is unchanged`);
    });
}

function contents({ files, size }: TemplateInfo): string {
  return `${files} files, ${Math.ceil(size / 2 ** 20)} MiB`;
}

function facts(template: TemplateInfo): string {
  const rows: readonly (readonly [string, string])[] = [
    ['name', template.name],
    ['description', template.description],
    ['source', template.source],
    ['built', template.built],
    ['architecture', template.arch],
    ['contents', contents(template)],
    ['layers', String(template.layers.length)],
    ['digest', template.digest ?? 'none'],
    ['init', template.init.join(' ')],
    ['stop signal', template.stopSignal],
    ['containers', template.containers.join(', ') || 'none'],
  ];
  // A command's words come from an image, and may hold anything.
  return rows.map(([name, value]) => `${`${name}:`.padEnd(14)}${value.replace(/\p{Cc}/gu, '?')}\n`).join('');
}
