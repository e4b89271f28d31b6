/** Changes of a configuration: new values, and what options add to lists and take from them. */
import { CellaError } from '../errors.js';
import { type ConfigFile, type Line, updateConfig } from './grammar.js';
import { findByKey } from './parameters.js';
import type { ListRules } from './value-type.js';

/** What changes in a list, in this order; items in the form in which they are saved. */
export interface ListEdit {
  /** Keys of items, as the name of a device. */
  readonly remove: readonly string[] | 'all';
  /** Take the place of items of the same key. */
  readonly add: readonly string[];
  /** Parts of items that there must be by then. */
  readonly change?: readonly string[];
}

/** By key: the value as it is saved, "" for none, or what changes in the list. */
export type Edits = ReadonlyMap<string, string | ListEdit>;

/** The file with the changes made, but for what is never saved; throws BAD_VALUE for a change of what is not there. */
export function applyEdits(file: ConfigFile, edits: Edits): ConfigFile {
  const saved = [...edits].filter(([key]) => findByKey(key)?.saved ?? true);
  return updateConfig(
    file,
    new Map(saved.map(([key, edit]) => [key, typeof edit === 'string' ? edit : editedList(file, key, edit)])),
  );
}

/** The items of a list in a file, where several lines make one. */
export function readList(lines: readonly Line[], key: string, { separator }: ListRules): string {
  return lines
    .flatMap((line) => (line.kind === 'setting' && line.key === key ? [line.value] : []))
    .join(separator);
}

/** Options of what is kept, but does nothing here. */
export function withoutEffect(edits: Edits): readonly string[] {
  return [...edits.keys()].flatMap((key) => {
    const parameter = findByKey(key);
    return parameter?.effect === 'stored' ? [parameter.option ?? key] : [];
  });
}

/** Whether there is anything for the configuration file. */
export function isSaved(edits: Edits): boolean {
  return [...edits.keys()].some((key) => findByKey(key)?.saved ?? true);
}

/** Null: nothing is left of it. */
function editedList(file: ConfigFile, key: string, { remove, add, change = [] }: ListEdit): string | null {
  const rules = findByKey(key)?.value.list;
  if (rules === undefined) throw new CellaError('BAD_VALUE', `${key} is not a list`);
  const before = readList(file.lines, key, rules).split(rules.split).filter(Boolean);
  const kept = remove === 'all' ? [] : before.filter((item) => !remove.includes(keyOf(rules, item)));
  const added = add.reduce<readonly string[]>((items, item) => put(items, item, rules, false), kept);
  const after = change.reduce<readonly string[]>((items, item) => put(items, item, rules, true), added);
  const left = after.filter((item) => !rules.isNone?.(item));
  return left.length === 0 ? null : left.join(rules.separator);
}

function put(
  items: readonly string[],
  item: string,
  rules: ListRules,
  mustExist: boolean,
): readonly string[] {
  const key = rules.keyOf(item);
  const at = items.findIndex((other) => keyOf(rules, other) === key);
  if (at >= 0) return items.with(at, rules.merge?.(items[at] as string, item) ?? item);
  if (mustExist) throw new CellaError('BAD_VALUE', `there is no ${JSON.stringify(key)} to change`);
  return [...items, item];
}

/** Items that somebody else wrote may be bad: they stay until somebody looks at them. */
function keyOf(rules: ListRules, item: string): string {
  try {
    return rules.keyOf(item);
  } catch (error) {
    if (error instanceof CellaError) return item;
    throw error;
  }
}
