import { describe, expect, it } from 'vitest';
import { type IndexEntry, parseIndex, type TreeIndex } from '../../../src/backup/tree-index.js';
import { changesSince, countStored, removalsOf } from '../../../src/migrate/changes.js';

/** `PATH KIND CHANGED CONTENTS [GROUP]`, a line each. */
function tree(text: string): TreeIndex {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' '))
    .map(([path = '', kind = 'f', changed = '1', contents = '-', group = '0']) => {
      const digest = contents === '-' ? '-' : contents.padStart(32, '0');
      return `+ ${group} ${changed} ${kind} 644 0 0 10 1 - - ${digest} - ${path}\n`;
    });
  return parseIndex(Buffer.from(`+ 0 1 d 755 0 0 0 1 - - - - /\n${lines.join('')}`));
}

const stored = (index: TreeIndex): readonly string[] =>
  [...index.values()].filter((entry: IndexEntry) => entry.stored).map(({ path }) => path);

describe('what has changed', () => {
  const before = tree(`
    /a f 5 aa
    /d d 5
    /d/x f 5 bb
    /d/y f 5 cc`);

  it('is nothing where nothing has', () => {
    expect(stored(changesSince(before, before))).toEqual([]);
    expect(removalsOf(before, before)).toEqual([]);
  });

  it('is what is new, other, or was touched at all, with the directories that it is in', () => {
    const after = tree(`
      /a f 6 aa
      /d d 5
      /d/x f 5 bb
      /d/y f 5 cc
      /d/z f 7 dd`);
    const changes = changesSince(before, after);
    expect(stored(changes)).toEqual(['', 'a', 'd', 'd/z']);
    expect(countStored(changes)).toEqual({ files: 4, bytes: 30 });
  });

  it('is what may have been changed in the moment of the look', () => {
    const racy = tree('/a f 0 aa');
    expect(stored(changesSince(racy, tree('/a f 5 aa')))).toEqual(['', 'a']);
  });

  it('is all names of a file of which one is', () => {
    const one = tree('/a f 5 aa 1\n/b f 5 aa 1\n/c f 5 bb');
    const two = tree('/a f 6 aa 1\n/b f 6 aa 1\n/c f 5 bb');
    expect(stored(changesSince(one, two))).toEqual(['', 'a', 'b']);
  });

  it('goes from the innermost out, directories that became files too', () => {
    const after = tree('/d f 6 ee');
    expect(removalsOf(before, after)).toEqual(['d/y', 'd/x', 'd', 'a']);
    expect(stored(changesSince(before, after))).toEqual(['', 'd']);
  });
});
