/** NAMESERVER and SEARCHDOMAIN: lists that options give anew, or `inherit`, the host's. */
import { parseHost } from './address.js';
import { list, type ValueType } from './value-type.js';
import { bad } from './values.js';

/** Undefined in a ContainerConfig: nobody said; `inherit`: those of the host. */
export type Inherited = readonly string[] | 'inherit';

export const NAMESERVER = inheritable('ADDRESS|inherit', (text) => {
  try {
    return parseHost(text);
  } catch {
    throw bad('BAD_NAMESERVER', 'bad address of a name server', text);
  }
});

export const SEARCHDOMAIN = inheritable('DOMAIN|inherit', (text) => {
  const labels = text.replace(/\.$/, '').split('.');
  if (
    text.length > 253 ||
    !labels.every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))
  )
    throw bad('BAD_SEARCHDOMAIN', 'bad search domain', text);
  return text;
});

function inheritable(placeholder: string, check: (text: string) => string): ValueType<Inherited> {
  const item = (text: string): string => (text === 'inherit' ? text : check(text));
  const type = list(placeholder, item, (text) => text, { split: /[\s,]+/, replaces: true });
  return {
    ...type,
    parse: (text) => {
      const items = type.parse(text);
      return items.includes('inherit') ? 'inherit' : items;
    },
  };
}
