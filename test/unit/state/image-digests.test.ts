import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestImages, findDamaged } from '../../../src/state/image-digests.js';

let directory: string;
const write = (name: string, text: string): void => writeFileSync(`${directory}/${name}`, text);

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/cella-digests-`);
  write('b.img', 'two');
  write('a.img', '');
  write('dump.log', 'talk');
});
afterEach(() => rmSync(directory, { recursive: true }));

it('knows images, and nothing else that is beside them', async () => {
  expect(await digestImages(directory)).toEqual({
    'a.img': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'b.img': '3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3',
  });
});

it('finds what is not as it was written', async () => {
  const digests = await digestImages(directory);
  write('restore.log', 'more talk');
  expect(await findDamaged(directory, digests)).toBeUndefined();
  write('b.img', 'twp');
  expect(await findDamaged(directory, digests)).toBe(`${directory}/b.img`);
  rmSync(`${directory}/a.img`);
  expect(await findDamaged(directory, digests)).toBe(`${directory}/a.img`);
});
