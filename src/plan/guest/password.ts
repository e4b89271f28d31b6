/** passwd(5) and shadow(5) with another password in them. */

export interface Accounts {
  readonly passwd: string;
  /** Undefined: a guest without it has its hashes in passwd. */
  readonly shadow: string | undefined;
}

/** `hash` as crypt(5) has it, `today` in days since 1970; undefined: there is no such user. */
export function withPassword(
  { passwd, shadow }: Accounts,
  user: string,
  { hash, today }: { readonly hash: string; readonly today: number },
): Accounts | undefined {
  const known = lineOf(passwd, user);
  if (known === undefined) return undefined;
  if (shadow === undefined) return { passwd: withField(passwd, known, hash), shadow };
  const line = lineOf(shadow, user);
  return {
    // Anything else there would count in place of the other file.
    passwd: withField(passwd, known, 'x'),
    shadow:
      line === undefined
        ? `${shadow}${shadow === '' || shadow.endsWith('\n') ? '' : '\n'}${user}:${hash}:${today}:0:99999:7:::\n`
        : withField(shadow, line, hash, String(today)),
  };
}

/** The first line of the user counts. */
function lineOf(text: string, user: string): number | undefined {
  const at = text.split('\n').findIndex((line) => line.split(':', 1)[0] === user && line.includes(':'));
  return at < 0 ? undefined : at;
}

/** `values` from the second field of a line on. */
function withField(text: string, line: number, ...values: readonly string[]): string {
  const lines = text.split('\n');
  const [name = '', ...fields] = (lines[line] ?? '').split(':');
  lines[line] = [name, ...values, ...fields.slice(values.length)].join(':');
  return lines.join('\n');
}
