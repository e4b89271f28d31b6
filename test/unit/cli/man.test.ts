/** Manual pages: what man makes of them, and that nothing is missing. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { FIELDS } from '../../../src/cli/list-fields.js';
import { describeProgram, type Program } from '../../../src/cli/main.js';
import { vzctlPage, vzlistPage, vznetstatPage, vzubcPage } from '../../../src/cli/man/commands.js';
import { containerConfigPage, hostConfigPage } from '../../../src/cli/man/files.js';
import { toolPages } from '../../../src/cli/man/tools.js';
import { PARAMETERS } from '../../../src/config/parameters.js';
import { EXIT } from '../../../src/errors.js';

const directory = mkdtempSync(`${tmpdir()}/cella-man-`);
afterAll(() => rmSync(directory, { recursive: true }));

const TOOLS = toolPages('1.2.3');

const PAGES: Readonly<Record<string, string>> = {
  'vzctl.8': vzctlPage('1.2.3'),
  'vzlist.8': vzlistPage('1.2.3'),
  'vznetstat.8': vznetstatPage('1.2.3'),
  'vzubc.8': vzubcPage('1.2.3'),
  ...Object.fromEntries(Object.entries(TOOLS).map(([name, page]) => [`${name}.8`, page])),
  'vz.conf.5': hostConfigPage('1.2.3'),
  'ctid.conf.5': containerConfigPage('1.2.3'),
};

/** As it is read, without its markup, in one line. */
function rendered(name: string): string {
  const path = `${directory}/${name}`;
  writeFileSync(path, PAGES[name] ?? '');
  const env = { ...process.env, MANWIDTH: '200', MAN_KEEP_FORMATTING: '', LC_ALL: 'C.UTF-8' };
  return execFileSync('man', ['-l', path], { env, encoding: 'utf8' }).replace(/\s+/g, ' ');
}

/** Whether it is there, and no part of a longer word. */
const has = (text: string, word: string): boolean => {
  const literal = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w-])${literal}(?![\\w-])`).test(text);
};

const optionsOf = (command: Command): readonly string[] =>
  [
    ...command.options.filter(({ hidden }) => !hidden).flatMap(({ long, short }) => [long, short]),
    ...command.commands.flatMap(optionsOf),
  ].filter((name) => name !== undefined && name !== null);

describe('manual pages', () => {
  it.each(Object.keys(PAGES))('%s is free of faults of its markup', (name) => {
    const input = PAGES[name];
    const { stderr, status } = spawnSync('groff', ['-man', '-ww', '-z', '-Tutf8', '-k'], {
      input,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('vzctl(8) has every verb, every option and every exit status', () => {
    const text = rendered('vzctl.8');
    const program = describeProgram('vzctl');
    const missing = [...program.commands.map((verb) => verb.name()), ...optionsOf(program)].filter(
      (word) => !has(text, word),
    );
    expect(missing).toEqual([]);
    const statuses = text.slice(text.indexOf('EXIT STATUS'));
    expect(Object.values(EXIT).filter((number) => !has(statuses, String(number)))).toEqual([]);
  });

  it('vzlist(8) has every option and every field', () => {
    const text = rendered('vzlist.8');
    const words = [...optionsOf(describeProgram('vzlist')), ...FIELDS.map(({ name }) => name)];
    expect(words.filter((word) => !has(text, word))).toEqual([]);
  });

  it.each(Object.keys(TOOLS))('%s(8) has every option', (name) => {
    const text = rendered(`${name}.8`);
    const missing = optionsOf(describeProgram(name as Program)).filter((word) => !has(text, word));
    expect(missing).toEqual([]);
  });

  it.each([
    ['vz.conf.5', 'host'],
    ['ctid.conf.5', 'container'],
  ] as const)('%s has every key, with what it is if nobody says', (name, scope) => {
    const text = rendered(name);
    const rows = PARAMETERS.filter((parameter) => parameter.scope === scope && parameter.saved);
    expect(rows.filter(({ key }) => !has(text, key))).toEqual([]);
    for (const { default: usual } of rows) if (usual) expect(text).toContain(`Default: ${usual}.`);
  });

  it('say of which page they are, and what it is about', () => {
    expect(rendered('ctid.conf.5')).toMatch(/^CTID\.CONF\(5\).*NAME ctid\.conf - settings of a container/);
  });
});
