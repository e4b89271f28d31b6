/** The KEY="value" file format: parsing that keeps every line, and edits that touch only their keys. */

import { CellaError } from '../errors.js';

/** One line as it stands in the file, without its line feed; numbers start at 1. */
export type Line =
  | {
      readonly kind: 'setting';
      readonly number: number;
      readonly key: string;
      readonly value: string;
      readonly text: string;
    }
  | { readonly kind: 'other'; readonly number: number; readonly text: string }
  | { readonly kind: 'broken'; readonly number: number; readonly text: string };

/** A whole file. Text that ends with a line feed has one empty last line. */
export interface ConfigFile {
  readonly lines: readonly Line[];
}

export interface Setting {
  readonly value: string;
  readonly line: number;
}

const KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;
const DOUBLE_QUOTED = String.raw`"(?:[^"\\]|\\[^])*"`;
const SINGLE_QUOTED = `'[^']*'`;
const BARE = '[^\\s"\'`\\\\;&|<>()]*';
const SETTING = new RegExp(
  `^(\\s*)([A-Za-z_][A-Za-z0-9_]*)=(${DOUBLE_QUOTED}|${SINGLE_QUOTED}|${BARE})(\\s*|\\s+#[^]*)$`,
);
const VEID = /\$\{VEID\}|\$VEID(?![A-Za-z0-9_])/g;
const VEID_KEYS: readonly string[] = ['VE_ROOT', 'VE_PRIVATE'];

/** Reads a file; never throws: what is not understood becomes a broken line. */
export function parseConfig(text: string): ConfigFile {
  return { lines: text.split('\n').map((line, index) => parseLine(line, index + 1)) };
}

/** The file's text; the exact inverse of parseConfig. */
export function formatConfig(file: ConfigFile): string {
  return file.lines.map((line) => line.text).join('\n');
}

/** The settings by key; of a repeated key the first one counts, as in vzctl. */
export function getSettings(file: ConfigFile): ReadonlyMap<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const line of file.lines) {
    if (line.kind === 'setting' && !settings.has(line.key)) {
      settings.set(line.key, { value: line.value, line: line.number });
    }
  }
  return settings;
}

/** The file with the given keys set, or removed where the value is null; other lines stay as they are. */
export function updateConfig(file: ConfigFile, changes: ReadonlyMap<string, string | null>): ConfigFile {
  for (const [key, value] of changes) checkSetting(key, value ?? '');
  const texts: string[] = [];
  const done = new Set<string>();
  for (const line of file.lines) {
    const change = line.kind === 'setting' ? changes.get(line.key) : undefined;
    if (line.kind !== 'setting' || change === undefined) texts.push(line.text);
    else if (change !== null && !done.has(line.key)) {
      texts.push(line.value === change ? line.text : rewrite(line.text, line.key, change));
      done.add(line.key);
    }
  }
  return parseConfig(append(texts, changes, done).join('\n'));
}

/** Throws BAD_VALUE unless the pair can be written so that a shell reads the same value back. */
export function checkSetting(key: string, value: string): void {
  if (!KEY.test(key)) throw new CellaError('BAD_VALUE', `bad configuration key ${JSON.stringify(key)}`);
  const literal = VEID_KEYS.includes(key) ? value.replace(VEID, '') : value;
  const bad = /[\n\r\0"`\\$]/.exec(literal)?.[0];
  if (bad === undefined) return;
  const message = `${key} cannot hold the character ${JSON.stringify(bad)}: ${JSON.stringify(value)}`;
  throw new CellaError('BAD_VALUE', message);
}

/** Replaces $VEID and ${VEID}; only VE_ROOT and VE_PRIVATE go through this. */
export function substituteVeid(text: string, veid: string): string {
  return text.replace(VEID, () => veid);
}

function parseLine(text: string, number: number): Line {
  if (/^\s*(#|$)/.test(text)) return { kind: 'other', number, text };
  const match = text.includes('\0') ? null : SETTING.exec(text);
  const [, , key, raw] = match ?? [];
  if (key === undefined || raw === undefined) return { kind: 'broken', number, text };
  return { kind: 'setting', number, key, value: unquote(raw), text };
}

function unquote(raw: string): string {
  if (raw.startsWith("'")) return raw.slice(1, -1);
  if (raw.startsWith('"')) return raw.slice(1, -1).replace(/\\(["\\$`])/g, '$1');
  return raw;
}

/** The line with a new value, its indentation and trailing comment kept. */
function rewrite(text: string, key: string, value: string): string {
  const [, indent = '', , , tail = ''] = SETTING.exec(text) ?? [];
  return `${indent}${key}="${value}"${tail}`;
}

function append(
  texts: readonly string[],
  changes: ReadonlyMap<string, string | null>,
  done: ReadonlySet<string>,
): readonly string[] {
  const added = [...changes].filter(([key, value]) => value !== null && !done.has(key));
  if (added.length === 0) return texts;
  const kept = texts.at(-1) === '' ? texts.slice(0, -1) : texts;
  return [...kept, ...added.map(([key, value]) => `${key}="${value}"`), ''];
}
