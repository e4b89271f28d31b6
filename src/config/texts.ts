/** The value types of single texts with a form of their own. */
import { list, plain } from './value-type.js';
import { bad } from './values.js';

export interface UserPassword {
  readonly user: string;
  readonly password: string;
}

/** Not for files; a password may hold anything that fits on a line. */
export const USER_PASSWORD = list('USER:PASSWORD', parseUserPassword, (at) => `${at.user}:${at.password}`, {
  split: /\n/,
  itemsOf: /(?!)/,
});

/** Options of mount(8), between commas. */
export const MOUNT_OPTIONS = plain(
  'OPTION[,…]',
  (text): readonly string[] => {
    if (!/^[A-Za-z0-9_]+(?:=[A-Za-z0-9_.:/%+-]+)?(?:,[A-Za-z0-9_]+(?:=[A-Za-z0-9_.:/%+-]+)?)*$/.test(text))
      throw bad('BAD_VALUE', 'bad mount options', text);
    return text.split(',');
  },
  true,
);

export function parseUserPassword(text: string): UserPassword {
  const [, user, password] = /^([A-Za-z_][A-Za-z0-9_.-]{0,31}\$?):([^\n\r\0]+)$/.exec(text) ?? [];
  // The value holds a secret: the complaint does not.
  if (user === undefined || password === undefined)
    throw bad('BAD_VALUE', 'USER:PASSWORD expected', text.split(':')[0] ?? '');
  return { user, password };
}
