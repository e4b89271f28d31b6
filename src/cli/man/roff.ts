/** Manual pages in roff, with the macros of man(7). */

/** Text in which nothing is markup. */
export function text(words: string): string {
  const escaped = words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('’', "'");
  return escaped.replace(/^(?=[.'])/gm, '\\&');
}

export const bold = (words: string): string => `\\fB${text(words)}\\fR`;
export const italic = (words: string): string => `\\fI${text(words)}\\fR`;

export interface Heading {
  readonly name: string;
  readonly section: number;
  readonly version: string;
  /** What whatis(1) says. */
  readonly summary: string;
}

export function page({ name, section, version, summary }: Heading, parts: readonly string[]): string {
  const title = `.TH ${name.toUpperCase()} ${section} "" "cella ${version}" "System containers"`;
  // No justification: it spreads words between options.
  return `${[title, '.ad l', '.nh', heading('NAME'), `${text(name)} \\- ${text(summary)}`, ...parts].join('\n')}\n`;
}

export const heading = (words: string): string => `.SH ${text(words)}`;
export const subheading = (words: string): string => `.SS ${text(words)}`;
export const paragraph = (roff: string): string => `.PP\n${roff}`;

/** An option, a file or a number with what it means; both are roff. */
export const tagged = (tag: string, meaning: string): string => `.TP\n${tag}\n${meaning}`;

/** A sentence of a help text: those begin small and have no full stop. */
export function sentence(help: string): string {
  // A tag wants a line behind it.
  if (help === '') return '\\&';
  return text(`${help.charAt(0).toUpperCase()}${help.slice(1)}${/[.:]$/.test(help) ? '' : '.'}`);
}

/** Options as commander has them: `-p, --numproc <NUM[:NUM]>`. */
export function flags(words: string): string {
  return words
    .split(', ')
    .map((flag) => {
      const [name = '', ...value] = flag.split(' ');
      const rest = value.join(' ').replace(/^<(.*)>$/, '$1');
      return rest === '' ? bold(name) : `${bold(name)} ${italic(rest)}`;
    })
    .join(', ');
}
