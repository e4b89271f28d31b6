/** Merged layers show what they showed apart, on the kernel's overlayfs; whatever was done in them. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { native } from '../../src/native/binding.js';

let top: string;
beforeEach(() => {
  top = fs.mkdtempSync('/tmp/cella-test-');
});
afterEach(() => fs.rmSync(top, { recursive: true }));

/** Runs `work` where `layers`, topmost first, show as a container has them; the topmost is written to. */
function mounted<T>(layers: readonly string[], work: (root: string) => T): T {
  const [upper, ...lower] = layers.map((layer) => `${top}/${layer}`);
  const root = `${top}/root`;
  const workdir = `${upper}.work`;
  for (const path of [root, upper ?? '', workdir]) fs.mkdirSync(path, { recursive: true });
  const options = `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${workdir},index=on,nfs_export=on`;
  execFileSync('mount', ['-t', 'overlay', 'test', '-o', options, root]);
  try {
    return work(root);
  } finally {
    execFileSync('umount', [root]);
  }
}

/** Names, kinds, modes, times, and contents. */
function look(root: string, at = ''): readonly string[] {
  return fs.readdirSync(join(root, at)).flatMap((name) => {
    const path = join(at, name);
    const full = join(root, path);
    const info = fs.lstatSync(full);
    const line = `${path} ${info.mode.toString(8)} ${info.mtimeMs}`;
    if (info.isDirectory()) return [line, ...look(root, path)];
    return [`${line} ${info.isSymbolicLink() ? fs.readlinkSync(full) : fs.readFileSync(full, 'utf8')}`];
  });
}

async function merge(layers: readonly string[], i: number): Promise<readonly string[]> {
  const [upper, lower] = [`${top}/${layers[i]}`, `${top}/${layers[i + 1]}`];
  await native().mergeLayers(upper, lower);
  fs.rmSync(lower, { recursive: true });
  // As a container's is: the index names files of layers that are no more.
  if (i === 0) fs.rmSync(`${upper}.work`, { recursive: true });
  return layers.filter((_, at) => at !== i + 1);
}

type Step = (root: string) => void;
const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const step: fc.Arbitrary<Step> = fc.oneof(
  path.map(
    (at): Step =>
      (root) =>
        fs.mkdirSync(join(root, at), { recursive: true }),
  ),
  fc.tuple(path, fc.nat(99)).map(
    ([at, value]): Step =>
      (root) =>
        fs.writeFileSync(join(root, at), `${value}`),
  ),
  path.map(
    (at): Step =>
      (root) =>
        fs.rmSync(join(root, at), { recursive: true }),
  ),
  fc.tuple(path, path).map(
    ([from, to]): Step =>
      (root) =>
        fs.renameSync(join(root, from), join(root, to)),
  ),
  fc.tuple(path, path).map(
    ([from, to]): Step =>
      (root) =>
        fs.symlinkSync(from, join(root, to)),
  ),
  fc.tuple(path, fc.constantFrom(0o700, 0o755)).map(
    ([at, mode]): Step =>
      (root) =>
        fs.chmodSync(join(root, at), mode),
  ),
);

/** What cannot be done where there is no such file, or one of another kind, is left out. */
function tryEach(root: string, steps: readonly Step[]): void {
  for (const run of steps) {
    try {
      run(root);
    } catch (error) {
      if (
        !/^E(NOENT|NOTDIR|ISDIR|EXIST|NOTEMPTY|XDEV|INVAL|LOOP)$/.test(
          String((error as { code?: unknown }).code),
        )
      )
        throw error;
    }
  }
}

it('shows the same after each merge, in whatever order, and can be written to', {
  timeout: 300_000,
}, async () => {
  const layer = fc.array(step, { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(
      layer,
      fc.array(layer, { minLength: 2, maxLength: 4 }),
      fc.infiniteStream(fc.nat(9)),
      async (base, written, choose) => {
        for (const entry of fs.readdirSync(top)) fs.rmSync(`${top}/${entry}`, { recursive: true });
        fs.mkdirSync(`${top}/template`);
        tryEach(`${top}/template`, base);
        let layers: readonly string[] = ['template'];
        for (const [i, steps] of written.entries()) {
          layers = [`layer${i}`, ...layers];
          mounted(layers, (root) => tryEach(root, steps));
        }
        const before = mounted(layers, look);
        while (layers.length > 2) {
          layers = await merge(layers, (choose.next().value as number) % (layers.length - 2));
          expect(mounted(layers, look)).toEqual(before);
        }
        mounted(layers, (root) => tryEach(root, base));
      },
    ),
    { numRuns: 50 },
  );
});

it('goes on where it was cut short, and may be done twice', async () => {
  fs.mkdirSync(`${top}/template/d`, { recursive: true });
  mounted(['low', 'template'], (root) => {
    fs.mkdirSync(`${root}/d/e`);
    for (const at of ['a', 'd/b', 'd/e/c']) fs.writeFileSync(`${root}/${at}`, at);
  });
  mounted(['high', 'low', 'template'], (root) => fs.writeFileSync(`${root}/d/e/new`, 'new'));
  const before = mounted(['high', 'low', 'template'], look);
  // As far as a killed one may have come: an entry moved, another not.
  fs.renameSync(`${top}/low/d/b`, `${top}/high/d/b`);
  for (let i = 0; i < 2; i++) await native().mergeLayers(`${top}/high`, `${top}/low`);
  fs.rmSync(`${top}/high.work`, { recursive: true });
  const times = (lines: readonly string[]): readonly string[] =>
    lines.filter((line) => !line.startsWith('d 4'));
  expect(times(mounted(['high', 'template'], look))).toEqual(times(before));
});

it('refuses what is nested without end', async () => {
  for (const layer of ['high', 'low'])
    fs.mkdirSync(`${top}/${layer}/${'d/'.repeat(220)}`, { recursive: true });
  await expect(native().mergeLayers(`${top}/high`, `${top}/low`)).rejects.toThrow(/ELOOP/);
});

it('shows the same of copies of all layers, once they forget where their files came from', async () => {
  const write = (layers: readonly string[], at: string): void =>
    mounted([...layers, 'base'], (root) => {
      fs.mkdirSync(`${root}/a/b`, { recursive: true });
      fs.writeFileSync(`${root}/${at}`, at);
      fs.appendFileSync(`${root}/a/file`, at);
    });
  fs.mkdirSync(`${top}/base/a`, { recursive: true });
  write(['low'], 'a/b/one');
  write(['high', 'low'], 'a/b/two');
  const before = mounted(['high', 'low', 'base'], look);
  fs.mkdirSync(`${top}/copy`);
  execFileSync('cp', ['--archive', `${top}/high`, `${top}/low`, `${top}/copy/`]);
  const copies = ['copy/high', 'copy/low', 'base'];
  expect(() => mounted(copies, look)).toThrow(/Stale file handle/);
  for (const layer of ['high', 'low']) await native().clearOrigins(`${top}/copy/${layer}`);
  fs.rmSync(`${top}/copy/high.work`, { recursive: true, force: true });
  expect(mounted(copies, look)).toEqual(before);
});

it('forgets it of directories as deep as any', async () => {
  fs.mkdirSync(`${top}/${'d/'.repeat(1500)}`, { recursive: true });
  expect(await native().clearOrigins(top)).toBeUndefined();
});
