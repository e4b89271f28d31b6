/** Turns parsed command-line parameters into configuration changes in the form they are saved in. */

import { CellaError } from '../errors.js';
import type { Edits, ListEdit } from './edits.js';
import { checkSetting } from './grammar.js';
import { formatChange, formatField } from './interfaces.js';
import { findByOption, type Parameter } from './parameters.js';
import type { ListRules } from './value-type.js';

/** By name, as `stop-timeout`, `stopTimeout` or `--stop-timeout`; several values only of lists. */
export type Options = Readonly<Record<string, string | readonly string[]>>;

/** The changes the options ask for; throws one error, with the first one's code, for all that are wrong. */
export function changesFromOptions(options: Options): Edits {
  const edits = new Map<string, string | ListEdit>();
  const setBy = new Map<string, string>();
  const fields = new InterfaceFields(options);
  const errors: CellaError[] = [];
  const entries = Object.entries(options).flatMap(([name, given]) =>
    (typeof given === 'string' ? [given] : given).map((text) => [name, text] as const),
  );
  for (const [name, text] of entries) {
    try {
      const parameter = findParameter(name);
      if (!fields.take(name, parameter, text))
        edits.set(parameter.key, edited(parameter, text, edits.get(parameter.key), setBy));
    } catch (error) {
      if (!(error instanceof CellaError)) throw error;
      errors.push(withOption(name, error));
    }
  }
  if (errors.length === 0) errors.push(...fields.addTo(edits));
  throwAll(errors);
  return edits;
}

function findParameter(name: string): Parameter {
  const parameter = findByOption(name);
  if (parameter === undefined) throw new CellaError('BAD_OPTION', 'no such parameter');
  return parameter;
}

/** What one option makes of the changes of its key so far. */
function edited(
  parameter: Parameter,
  text: string,
  before: string | ListEdit | undefined,
  setBy: Map<string, string>,
): string | ListEdit {
  const { key, option = key, value } = parameter;
  if (value.list !== undefined) return editList(parameter, value.list, text, before);
  const other = setBy.get(key);
  if (other === option) throw new CellaError('BAD_OPTION', 'given more than once');
  if (other !== undefined) throw new CellaError('BAD_VALUE', `${other} sets the same, give one of them`);
  setBy.set(key, option);
  return savedForm(parameter, text);
}

function savedForm({ key, value }: Parameter, text: string): string {
  if (text === '' && value.clearable) return '';
  const saved = value.save?.(text) ?? text;
  if (value.save === undefined) value.parse(text);
  checkSetting(key, saved);
  return saved;
}

const NO_EDIT: ListEdit = { remove: [], add: [] };

function editList(
  { key, value, edit, saved }: Parameter,
  rules: ListRules,
  text: string,
  before: string | ListEdit | undefined,
): string | ListEdit {
  if (rules.replaces) {
    const items = text === '' && value.clearable ? [] : rules.items(text);
    return [...(before ? [before as string] : []), ...items].join(rules.separator);
  }
  const { remove, add } = typeof before === 'object' ? before : NO_EDIT;
  if (edit === 'remove') {
    if (text === 'all' || remove === 'all') return { remove: 'all', add };
    return { remove: [...remove, rules.key(text)], add };
  }
  const items = rules.items(text);
  if (saved) for (const item of items) checkSetting(key, item);
  return { remove, add: [...add, ...items] };
}

/** The options of one interface, which --ifname names, as one change of it. */
class InterfaceFields {
  /** What they change, after the first option for each of it. */
  readonly #changes: (readonly [option: string, change: string])[] = [];
  readonly #isNamed: boolean;

  constructor(options: Options) {
    this.#isNamed = Object.keys(options).some((name) => findByOption(name)?.field === 'ifname');
  }

  /** Whether the option is one of them: of addresses, where an interface is named. */
  take(option: string, { key, field, edit }: Parameter, text: string): boolean {
    if (field !== undefined) this.#changes.push([option, formatField(field, text)]);
    else if (key === 'IP_ADDRESS' && this.#isNamed)
      this.#changes.push([option, formatChange(edit === 'remove' ? 'ip_del' : 'ip_add', text)]);
    else return false;
    return true;
  }

  addTo(edits: Map<string, string | ListEdit>): readonly CellaError[] {
    const [first] = this.#changes;
    if (!first) return [];
    const complaint = !this.#isNamed
      ? 'say by --ifname of which interface'
      : this.#changes.length === 1
        ? 'say what of the interface is to change'
        : undefined;
    if (complaint !== undefined) return [withOption(first[0], new CellaError('BAD_OPTION', complaint))];
    const before = edits.get('NETIF');
    const item = this.#changes.map(([, change]) => change).join(',');
    edits.set('NETIF', { ...(typeof before === 'object' ? before : NO_EDIT), change: [item] });
    return [];
  }
}

function withOption(name: string, error: CellaError): CellaError {
  const option = findByOption(name)?.option ?? `--${name}`;
  const details = error.hint === undefined ? {} : { hint: error.hint };
  return new CellaError(error.code, `${option}: ${error.message}`, details);
}

function throwAll(errors: readonly CellaError[]): void {
  const [first] = errors;
  if (first === undefined) return;
  if (errors.length === 1) throw first;
  throw new CellaError(first.code, errors.map((error) => error.message).join('; '));
}
