/** What several guests of the VM lane say becomes one report. */
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { Told } from '../../vm/told.js';

it('has every line, whole, and one count of all as the last one', async () => {
  const lines: string[] = [];
  const told = new Told((line) => lines.push(line));
  await Promise.all([
    told.follow(
      Readable.from([' ✓ a\nFAILED a > b: 3 passed, 1 fai', 'led\n3 passed, 1 failed, 2 skipped\n']),
    ),
    told.follow(Readable.from(['AGAIN c\n', '4 passed, 0 failed'])),
  ]);
  told.close();
  expect(lines.slice(0, -1).sort()).toEqual([' ✓ a', 'AGAIN c', 'FAILED a > b: 3 passed, 1 failed']);
  expect(lines.at(-1)).toBe('7 passed, 1 failed, 2 skipped');
});
