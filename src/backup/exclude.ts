/** What a backup leaves out: patterns of paths, anchored at the container's root. Pure. */
import { CellaError } from '../errors.js';

/** vzdump's --stdexcludes: what is there for the moment only, and logs that were rotated. */
export const STANDARD: readonly string[] = [
  '/tmp/*',
  '/var/tmp/*',
  '/var/run/*pid',
  '/run/*pid',
  '/var/log/**/*.[0-9]',
  '/var/log/**/*.[0-9]*.gz',
  '/var/log/**/*.gz',
];

const MAX_LENGTH = 4096;

/** Says of a path, without a slash before it, whether it is left out, and with it what is below. */
export function excluder(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  const all = patterns.map(expressionOf);
  return (path) => all.some((expression) => expression.test(path));
}

/** `*` and `?` stop at a slash, `**` does not, `[a-z]` and `[!a-z]` are one byte (glob(7)). */
function expressionOf(pattern: string): RegExp {
  const shown = pattern.slice(0, 64);
  if (pattern.length > MAX_LENGTH || pattern.includes('\0'))
    throw new CellaError('BAD_VALUE', `'${shown}' is no pattern of paths`);
  // Names are strings of bytes here.
  const bytes = Buffer.from(pattern)
    .toString('latin1')
    .replace(/^\/+|\/+$/g, '');
  if (bytes === '') throw new CellaError('BAD_VALUE', `the pattern '${shown}' would leave everything out`);
  const source = bytes.replace(PART, (part) => translate(part));
  try {
    return new RegExp(`^${source}$`, 's');
  } catch (cause) {
    throw new CellaError('BAD_VALUE', `'${shown}' is no pattern of paths`, { cause });
  }
}

/** In brackets the first character stands for itself, so that `[]` and `[!]` are no brackets yet. */
const PART = /\*\*\/|\*\*|\*|\?|\[(?:!.|[^!])[^\]]*\]|\\.|./gs;

function translate(part: string): string {
  switch (part) {
    case '**/':
      return '(?:.*/)?';
    case '**':
      return '.*';
    case '*':
      return '[^/]*';
    case '?':
      return '[^/]';
  }
  if (part.length > 1 && part.startsWith('['))
    return `(?!/)[${part
      .slice(1, -1)
      .replace(/^!/, '^')
      .replace(/[\\[\]]/g, '\\$&')}]`;
  return (part.length > 1 ? part.slice(1) : part).replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
