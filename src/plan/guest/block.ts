/** Lines of ours in a file of the guest's: replaced as a whole, while what is around them stays as it is. */

const BEGIN = '# Begin of what the host writes (vzctl set); changes to it are lost.';
const END = '# End of what the host writes.';

/** The file with `lines` in place of those that it held before, or behind all others; none: without any of ours. */
export function withBlock(text: string, lines: readonly string[]): string {
  const block = lines.length === 0 ? '' : `${[BEGIN, ...lines, END].join('\n')}\n`;
  const from = startOfLine(text, BEGIN);
  if (from < 0) return `${text}${text === '' || text.endsWith('\n') || block === '' ? '' : '\n'}${block}`;
  const end = text.indexOf(`\n${END}`, from);
  // Half of it is gone: that line alone is known to be ours.
  const until = end < 0 ? from + BEGIN.length : end + 1 + END.length;
  return text.slice(0, from) + block + text.slice(text[until] === '\n' ? until + 1 : until);
}

function startOfLine(text: string, line: string): number {
  if (text.startsWith(line)) return 0;
  const at = text.indexOf(`\n${line}`);
  return at < 0 ? -1 : at + 1;
}
