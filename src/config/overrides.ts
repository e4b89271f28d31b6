/** Turns parsed command-line parameters into configuration changes in the form they are saved in. */

import { CellaError } from '../errors.js';
import { checkSetting } from './grammar.js';
import { formatLayout, parseLayout } from './layout.js';
import { findByOption, type Parameter, type ParameterType } from './parameters.js';
import { formatLimit, parseLimit } from './units.js';
import * as values from './values.js';

/** The changes the options ask for; throws one error, with the first one's code, for all that are wrong. */
export function changesFromOptions(options: Readonly<Record<string, string>>): Map<string, string> {
  const changes = new Map<string, string>();
  const setBy = new Map<string, string>();
  const errors: CellaError[] = [];
  for (const [name, text] of Object.entries(options)) {
    try {
      const parameter = findParameter(name);
      const option = parameter.option ?? name;
      const other = setBy.get(parameter.key);
      if (other !== undefined) throw new CellaError('BAD_VALUE', `${other} sets the same, give one of them`);
      setBy.set(parameter.key, option);
      changes.set(parameter.key, savedForm(parameter, text));
    } catch (error) {
      if (!(error instanceof CellaError)) throw error;
      errors.push(withOption(name, error));
    }
  }
  throwAll(errors);
  return changes;
}

function findParameter(name: string): Parameter {
  const parameter = findByOption(name);
  if (parameter === undefined) throw new CellaError('BAD_OPTION', 'no such parameter');
  return parameter;
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

function savedForm(parameter: Parameter, text: string): string {
  const saved = text === '' && CLEARABLE.includes(parameter.type) ? '' : canonical(parameter, text);
  checkSetting(parameter.key, saved);
  return saved;
}

/** What an empty value takes away. */
const CLEARABLE: readonly ParameterType[] = ['name', 'text'];

function canonical(parameter: Parameter, text: string): string {
  switch (parameter.type) {
    case 'memory':
    case 'swap':
      return memory(parameter, text);
    case 'blocks':
      return formatLimit(values.parsePositiveLimit(text, 'blocks'));
    case 'count':
      return String(values.parseCount(text));
    case 'items':
      return formatLimit(values.parsePositiveLimit(text, 'items'));
    case 'path':
      return values.parsePath(text);
    case 'path-pattern':
      values.parsePath(text, '1');
      return text;
    default:
      return simple(parameter.type, text);
  }
}

/** --ram and --swap give bytes and save `0:pages`; --physpages and --swappages save both halves as given. */
function memory(parameter: Parameter, text: string): string {
  const inBytes = parameter.unit === 'bytes';
  const amount = inBytes && /^[0-9]+(?:\.[0-9]+)?$/.test(text) ? `${text}B` : text;
  if (inBytes && text.includes(':')) {
    throw new CellaError('BAD_VALUE', `one value expected: ${JSON.stringify(text)}`);
  }
  const parse = parameter.type === 'swap' ? parseLimit : values.parsePositiveLimit;
  const pages = parse(amount, 'pages');
  return formatLimit(inBytes ? { barrier: 0n, limit: pages.limit } : pages);
}

function simple(type: ParameterType, text: string): string {
  switch (type) {
    case 'plain-name':
      return values.parsePlainName(text);
    case 'hostname':
      return values.parseHostname(text);
    case 'name':
      return values.parseName(text);
    case 'id':
      return String(values.parseId(text));
    case 'seconds':
      return String(values.parseSeconds(text));
    case 'order':
      return String(values.parseOrder(text));
    case 'level':
      return String(values.parseLevel(text));
    case 'yes-no':
      return values.parseYesNo(text) ? 'yes' : 'no';
    case 'layout':
      return formatLayout(parseLayout(text));
    default:
      return values.parseText(text);
  }
}
