/** Wildcards as fnmatch(3) without flags: *, ?, [a-z], [!a-z], and \ before what stands for itself. Pure. */

type Token = 'many' | ((character: string) => boolean);

/** In time that is at most the product of both lengths, whatever the pattern. */
export function matches(text: string, pattern: string): boolean {
  const tokens = tokensOf([...pattern]);
  const characters = [...text];
  let [at, next] = [0, 0];
  // Where the last * stands, and what it has taken so far.
  let [star, taken] = [-1, 0];
  while (at < characters.length) {
    const token = tokens[next];
    if (token === 'many') [star, taken, next] = [next, at, next + 1];
    else if (token?.(characters[at] ?? '')) [at, next] = [at + 1, next + 1];
    else if (star >= 0) {
      taken += 1;
      [at, next] = [taken, star + 1];
    } else return false;
  }
  return tokens.slice(next).every((token) => token === 'many');
}

function tokensOf(pattern: readonly string[]): readonly Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < pattern.length; i += 1) {
    const character = pattern[i] ?? '';
    const end = character === '[' ? endOfSet(pattern, i) : -1;
    if (character === '*') tokens.push('many');
    else if (character === '?') tokens.push(() => true);
    else if (end > 0) {
      tokens.push(setOf(pattern.slice(i + 1, end)));
      i = end;
    } else if (character === '\\' && i + 1 < pattern.length) {
      i += 1;
      tokens.push(same(pattern[i] ?? ''));
    } else tokens.push(same(character));
  }
  return tokens;
}

const same = (wanted: string) => (character: string) => character === wanted;

/** The index of its ], which as the first character stands for itself; -1: it is no set. */
function endOfSet(pattern: readonly string[], start: number): number {
  const first = start + (isNot(pattern[start + 1]) ? 2 : 1);
  return pattern.indexOf(']', first + 1);
}

function isNot(character: string | undefined): boolean {
  return character === '!' || character === '^';
}

function setOf(inside: readonly string[]): (character: string) => boolean {
  const negated = isNot(inside[0]);
  const members = negated ? inside.slice(1) : inside;
  const ranges: [string, string][] = [];
  for (let i = 0; i < members.length; i += 1) {
    const first = members[i] ?? '';
    const last = members[i + 1] === '-' ? members[i + 2] : undefined;
    ranges.push([first, last ?? first]);
    if (last !== undefined) i += 2;
  }
  return (character) => ranges.some(([from, to]) => from <= character && character <= to) !== negated;
}
