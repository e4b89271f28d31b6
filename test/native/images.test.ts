/** Images on their way: what is whole is packed at once, what may still change when all are. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readyToUnpack } from '../../src/migrate/archive.js';
import { ImagePacker, receiveImages, sendImages } from '../../src/migrate/images.js';
import { Link } from '../../src/migrate/link.js';

let [from, to] = ['', ''];
beforeEach(() => {
  const scratch = mkdtempSync(`${tmpdir()}/cella-images-`);
  [from, to] = [`${scratch}/from`, `${scratch}/to`];
  mkdirSync(from);
  mkdirSync(to);
});
afterEach(() => rmSync(`${from}/..`, { recursive: true }));

/** Two ends of a connection. */
function links(): readonly [Link, Link] {
  const [there, back] = [new PassThrough(), new PassThrough()];
  return [new Link(back, there), new Link(there, back)];
}

const write = (name: string, bytes: Uint8Array | string): void => writeFileSync(`${from}/${name}`, bytes);
const digest = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
const came = (): Record<string, string> =>
  Object.fromEntries(readdirSync(to).map((name) => [name, digest(readFileSync(`${to}/${name}`))]));
/** Longer than it takes to notice an image. */
const aMoment = (): Promise<void> => sleep(500);

/** Tools of this process that still run. */
const tools = (): readonly string[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());

describe('images that are packed while others are written', () => {
  it('are those of memory but for the last, as soon as the next one is there', async () => {
    const [one, two, three] = [randomBytes(3 << 20), randomBytes(1000), randomBytes(1 << 20)];
    await using packer = new ImagePacker();
    await packer.begin(from);
    write('pages-1.img', one);
    write('core-1.img', 'not yet');
    write('pages-2.img', 'not');
    await aMoment();
    // It was read by now, and need not be there any more.
    rmSync(`${from}/pages-1.img`);
    write('pages-2.img', two);
    write('pages-10.img', three);
    await aMoment();
    rmSync(`${from}/pages-2.img`);
    write('core-1.img', 'now');
    write('dump.log', 'no image');
    const [here, there] = links();
    await Promise.all([packer.send(here), receiveImages(there, to, readyToUnpack())]);
    expect(came()).toEqual({
      'pages-1.img': digest(one),
      'pages-2.img': digest(two),
      'pages-10.img': digest(three),
      'core-1.img': digest('now'),
    });
  });

  it('leave no tool behind where they are not sent', async () => {
    write('pages-1.img', randomBytes(1 << 20));
    write('pages-2.img', randomBytes(1 << 20));
    const packer = new ImagePacker();
    for (let again = 0; again < 2; again += 1) {
      await packer.begin(from);
      await aMoment();
      expect(tools()).toEqual(['zstd']);
    }
    await packer[Symbol.asyncDispose]();
    expect(tools()).toEqual([]);
  });

  it('fail where one cannot be read', async () => {
    await using packer = new ImagePacker();
    await packer.begin(from);
    mkdirSync(`${from}/core-1.img`);
    const [here] = links();
    await expect(packer.send(here)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});

it.each([
  ['few', 1000],
  ['many', 5 << 20],
])('all images of a directory, %s bytes', async (_, bytes) => {
  const memory = randomBytes(bytes);
  write('pages-1.img', memory);
  write('empty.img', '');
  const [here, there] = links();
  await Promise.all([sendImages(here, from), receiveImages(there, to)]);
  expect(came()).toEqual({ 'pages-1.img': digest(memory), 'empty.img': digest('') });
});
