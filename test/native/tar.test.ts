/** What CRIU finds for tar: trees as GNU tar makes them, its archives and ours, and a stranger's. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { usePrey } from '../helpers/hostile.js';
import { END, encode, type RawEntry, tar } from '../helpers/tar.js';

const OURS = fileURLToPath(new URL('../../build/Release/criu/tar', import.meta.url));
const REAL = { ...process.env, LC_ALL: 'C' };
const FIRST = { ...REAL, PATH: `${dirname(OURS)}:${process.env.PATH}` };
/** A gzip file with this comment. */
const HEAD = Buffer.from('1f8b08100000000000036365' + '6c6c6100', 'hex');

const CREATE =
  '--create --gzip --no-unquote --no-wildcards --one-file-system --check-links --preserve-permissions --sparse --numeric-owner --directory';
const EXTRACT = '--extract --gzip --no-unquote --no-wildcards --directory';

let top: string;
beforeEach(() => {
  top = fs.mkdtempSync('/tmp/cella-tar-');
  for (const name of ['from', 'to']) {
    fs.mkdirSync(`${top}/${name}`);
    mount(`${top}/${name}`);
  }
});
afterEach(() => {
  for (const name of ['from/mounted', 'from', 'to']) spawnSync('umount', [`${top}/${name}`]);
  fs.rmSync(top, { recursive: true });
});

const mount = (at: string): void => void shell(`mount -t tmpfs test ${at}`);

function shell(script: string): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-euc', script], {
    encoding: 'utf8',
    cwd: `${top}/from`,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** As CRIU runs it: the directory is standard input, the image standard output. */
function create(env: NodeJS.ProcessEnv = FIRST): Buffer {
  const [input, output] = [fs.openSync(`${top}/from`, 'r'), fs.openSync(`${top}/image`, 'w')];
  const args = [...CREATE.split(' '), '/proc/self/fd/0', '.'];
  const { status, stderr } = spawnSync('tar', args, {
    env,
    stdio: [input, output, 'pipe'],
    encoding: 'utf8',
  });
  fs.closeSync(input);
  fs.closeSync(output);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.not.stringContaining('Cannot') });
  return fs.readFileSync(`${top}/image`);
}

function tryExtract(image: Buffer, to: string, env: NodeJS.ProcessEnv = FIRST): SpawnSyncReturns<string> {
  fs.writeFileSync(`${top}/image`, image);
  const input = fs.openSync(`${top}/image`, 'r');
  try {
    return spawnSync('tar', [...EXTRACT.split(' '), to], {
      env,
      stdio: [input, 'pipe', 'pipe'],
      encoding: 'utf8',
    });
  } finally {
    fs.closeSync(input);
  }
}

function extract(image: Buffer, env?: NodeJS.ProcessEnv): void {
  const { status, signal, stderr } = tryExtract(image, `${top}/to`, env);
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
}

const isOurs = (image: Buffer): boolean => image.subarray(0, HEAD.length).equals(HEAD);

/** All that an archive keeps, and which names are one file. */
function look(root: string): readonly string[] {
  const firsts = new Map<number, string>();
  const lookAt = (name: Buffer): readonly string[] => {
    const path = Buffer.concat([Buffer.from(`${root}/`), name]);
    const info = fs.lstatSync(path);
    const one = info.isDirectory() ? '' : (firsts.get(info.ino) ?? name.toString('latin1'));
    firsts.set(info.ino, one);
    const { mode, uid, gid, size, rdev } = info;
    const time = Math.floor(info.mtimeMs / 1000);
    const line = [name.toString('latin1'), mode.toString(8), uid, gid, rdev, time, one].join(' ');
    if (info.isSymbolicLink()) return [`${line} -> ${fs.readlinkSync(path)}`];
    if (info.isFile()) return [`${line} ${size} ${fs.readFileSync(path).toString('base64')}`];
    if (!info.isDirectory()) return [line];
    const names = fs.readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare);
    return [line, ...names.flatMap((each) => lookAt(Buffer.concat([name, Buffer.from('/'), each])))];
  };
  return lookAt(Buffer.from('.'));
}

const names = (image: Buffer): string => {
  const { stdout } = spawnSync('tar', ['--list', '--gzip'], { env: REAL, input: image });
  return stdout.toString('latin1');
};

/** Some of everything. */
const TREE = `
  mkdir -p plain 'odd mode/below' sticky empty deep/$(printf %0120d 1)/$(printf %0120d 2)
  echo hello >plain/file; : >nothing; head -c 300000 /dev/urandom >large
  ln plain/file twice; ln plain/file 'odd mode/thrice'; ln deep/$(printf %0120d 1)/$(printf %0120d 2) -s up
  : >deep/$(printf %0120d 1)/long; ln deep/$(printf %0120d 1)/long short
  ln -s /etc/passwd absolute; ln -s nowhere dangling; ln -s $(printf %0300d 3) far; ln absolute same
  for n in 98 99 100 101; do : >$(printf %0\${n}d 0 | cut -c3-); done
  mkfifo fifo; mknod char c 5 300; mknod block b 259 70000
  : >"$(printf 'latin\\351 \\n\\001')"; : >'grün ✓'
  echo x >owned; chown 3000000:4294967294 owned; chmod 6751 owned; chown 100000:100007 -h dangling
  touch -hd @77 absolute
  chmod 0 plain/file; chmod 3070 'odd mode'; chmod 1777 sticky; chmod 751 .
  touch -d @1000 'odd mode' .`;

describe('a small tree', () => {
  it.each([
    ['everything', TREE],
    ['nothing', ':'],
    ['times long ago and to come', `: >old; : >new; touch -d '1950-01-01' old; touch -d '2300-01-01' new`],
  ])('is the same afterwards: %s', (_, script) => {
    shell(script);
    const image = create();
    expect(isOurs(image)).toBe(true);
    extract(image);
    expect(look(`${top}/to`)).toEqual(look(`${top}/from`));
  });

  it('is the same when the real tar extracts it, and listed as if that had made it', () => {
    shell(TREE);
    const image = create();
    expect(names(image)).toBe(names(create(REAL)));
    extract(image, REAL);
    expect(look(`${top}/to`)).toEqual(look(`${top}/from`));
  });

  it('keeps the order in which its files were made, as what the real tar makes', () => {
    shell('for i in $(seq 300); do : >file-$i; done; mkdir -p a/b c; : >a/one; : >a/b/two; : >c/three');
    extract(create());
    const order = (): string => shell(`ls -fR ${top}/to`);
    const ours = order();
    shell(`rm -r ${top}/to/*`);
    extract(create(REAL));
    expect(ours).toBe(order());
  });

  it('has nothing of what is mounted in it, and no sockets', () => {
    shell('mkdir mounted; : >file');
    mount(`${top}/from/mounted`);
    shell(`: >mounted/inside; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'`);
    const image = create();
    expect(isOurs(image)).toBe(true);
    expect(names(image)).toBe(names(create(REAL)));
    expect(names(image).split('\n').sort()).toEqual(['', './', './file', './mounted/']);
  });

  it('takes the place of what is there, of links too', () => {
    shell(`mkdir directory; echo new >directory/file; echo new >link; : >kind; mkdir ${top}/to/directory;
      echo old >${top}/outside; ln -s ${top}/outside ${top}/to/link; mkfifo ${top}/to/kind;
      ln ${top}/outside ${top}/to/directory/file 2>/dev/null || echo old >${top}/to/directory/file`);
    extract(create());
    expect(look(`${top}/to`)).toEqual(look(`${top}/from`));
    expect(fs.readFileSync(`${top}/outside`, 'utf8')).toBe('old\n');
  });
});

describe('the real tar', () => {
  it.each([
    ['a sparse file', 'truncate -s 1M sparse; echo data >>sparse'],
    ['more than a mebibyte', 'head -c 1048576 /dev/zero >large'],
    ['many files', 'for i in $(seq 2100); do : >$i; done'],
    ['a deep tree', 'd=.; for i in $(seq 70); do d=$d/d; done; mkdir -p $d; : >$d/file'],
  ])('is run for %s', (_, script) => {
    shell(script);
    const image = create();
    expect(isOurs(image)).toBe(false);
    extract(image);
    expect(look(`${top}/to`)).toEqual(look(`${top}/from`));
  });

  it('is run for what it has made itself, and for whatever else is asked', () => {
    shell(TREE);
    extract(create(REAL));
    expect(look(`${top}/to`)).toEqual(look(`${top}/from`));
    const version = (env: NodeJS.ProcessEnv): string =>
      spawnSync('tar', ['--version'], { env, encoding: 'utf8' }).stdout;
    expect(version(FIRST)).toBe(version(REAL));
    expect(version({ ...FIRST, PATH: `${dirname(OURS)}:${FIRST.PATH}` })).toBe(version(REAL));
    const args = [...CREATE.split(' '), `${top}/from/empty`, 'x', '.'];
    const more = spawnSync('tar', args, { env: FIRST, encoding: 'utf8' });
    expect(more).toMatchObject({ status: 2, stderr: expect.stringContaining('x: Cannot stat') });
  });

  it('is missed aloud', () => {
    const { status, stderr } = spawnSync('tar', ['--version'], {
      env: { PATH: dirname(OURS) },
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 2, stderr: 'tar: the real tar cannot be run: errno 2\n' });
  });
});

const prey = usePrey();
const gnu = (entry: RawEntry): RawEntry => ({ magic: 'ustar  \0', ...entry });
const archive = (...entries: readonly RawEntry[]): Buffer => tar(...entries.map(gnu));
const image = (bytes: Buffer): Buffer => Buffer.concat([HEAD, gzipSync(bytes, { level: 0 }).subarray(10)]);

/** Changes a byte without the header's sum. */
const damaged = (bytes: Buffer, at: number, value?: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = value ?? (copy[at] ?? 0) ^ 0x40;
  return copy;
};

const PLAIN = archive({ name: './a', data: 'hello' });
const top12 = (byte: number): Buffer => Buffer.from([byte, ...Array<number>(11).fill(0xff)]);

describe('an archive of a stranger', () => {
  it('is one that is taken, if nothing is wrong with it', () => {
    expect(tryExtract(image(PLAIN), prey.root)).toMatchObject({ status: 0, stderr: '' });
    expect(fs.readFileSync(`${prey.root}/a`, 'utf8')).toBe('hello');
  });

  it.each<[string, Buffer, string]>([
    [
      'a name that leads up',
      archive({ name: './../canary/new' }),
      './../canary/new is no name below the directory',
    ],
    ['a name that leads up later', archive({ name: './a/../../x' }), 'is no name below'],
    ['an absolute name', archive({ name: '/tmp/x' }), '/tmp/x is no name below the directory'],
    ['a name without the dot', archive({ name: 'x' }), 'x is no name below the directory'],
    ['an empty part', archive({ name: './a//b' }), 'is no name below'],
    ['a directory that is above', archive({ name: './..', type: '5' }), 'is no name below'],
    ['a file that ends in a slash', archive({ name: './a/' }), 'is no name of a file'],
    ['no name at all', archive({ name: './' }), 'is no name of a file'],
    [
      'a file through a link',
      archive({ name: './l', type: '2', link: '../../canary' }, { name: './l/file', data: 'x' }),
      './l/file cannot be made: errno 40',
    ],
    [
      'a directory that becomes a link',
      archive({ name: './d/', type: '5', mode: 0o777 }, { name: './d', type: '2', link: '../../canary' }),
      './d cannot be made: errno 21',
    ],
    [
      'a hard link through a link',
      archive({ name: './l', type: '2', link: '../../canary' }, { name: './h', type: '1', link: './l/file' }),
      './h cannot be made: errno 40',
    ],
    [
      'a hard link to outside',
      archive({ name: './h', type: '1', link: './../../canary/file' }),
      'is a link to outside',
    ],
    [
      'an absolute hard link',
      archive({ name: './h', type: '1', link: '/etc/passwd' }),
      'is a link to outside',
    ],
    ['a hard link to a directory', archive({ name: './h', type: '1', link: './' }), 'is a link to outside'],
    [
      'a hard link to nothing',
      archive({ name: './h', type: '1', link: './gone' }),
      'cannot be made: errno 2',
    ],
    ['an unknown kind', archive({ name: './a', type: 'S' }), 'is of a kind that is not known'],
    [
      'a link with contents',
      archive({ name: './a', type: '2', link: 'x', data: 'y' }),
      'has contents that it cannot',
    ],
    [
      'a long name without an end',
      archive({ name: 'x', type: 'L', data: 'y'.repeat(512) }),
      'has a name without an end',
    ],
    ['a name without an end', archive({ name: `./${'n'.repeat(98)}` }), 'has a name without an end'],
    ['contents beyond the end', archive({ name: './a', size: 0o7777 }), 'has an entry that ends behind it'],
    ['a length of all bits', archive({ name: './a', size: top12(0x80) }), 'has an entry that ends behind it'],
    ['a length below zero', archive({ name: './a', size: top12(0xff) }), 'has an entry that ends behind it'],
    [
      'a length that is no number',
      archive({ name: './a', size: Buffer.from('00000000x05\0') }),
      'ends behind it',
    ],
    ['no end', PLAIN.subarray(0, 1024), 'the archive ends too early'],
    ['half a header', PLAIN.subarray(0, 300), 'the archive ends too early'],
    ['another magic', tar({ name: './a' }), 'has a header that is not whole'],
    ['a header that was changed', damaged(PLAIN, 2), 'has a header that is not whole'],
    ['nothing', Buffer.alloc(0), 'the archive ends too early'],
  ])('is refused: %s', (_, bytes, message) => {
    const { status, stderr } = tryExtract(image(bytes), prey.root);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(message) });
    prey.expectUntouched();
  });

  it('is refused when a part of it is missing, or was changed on the way', () => {
    const whole = image(PLAIN);
    const cut = [17, 20, 24, 28, whole.length - 1].map((length) => whole.subarray(0, length));
    const changed = Array.from({ length: 40 }, (_, i) =>
      damaged(whole, 16 + Math.floor((i * (whole.length - 17)) / 39)),
    );
    for (const each of [...cut, ...changed, Buffer.concat([whole, Buffer.from('x')])]) {
      const { status, stderr } = tryExtract(each, prey.root);
      expect({ status, stderr }).toEqual({ status: 2, stderr: 'tar: the archive is not whole\n' });
    }
    expect(fs.readdirSync(prey.root)).toEqual([]);
  });

  it('is never followed to outside, whatever it says', () => {
    const name = fc
      .array(fc.constantFrom('.', '..', 'a', 'b', 'l', '', '/tmp'), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join('/'))
      .chain((path) => fc.constantFrom(path, `./${path}`));
    const entry: fc.Arbitrary<RawEntry> = fc.record({
      name,
      type: fc.constantFrom('0', '1', '2', '5', '6', 'L', 'K'),
      link: fc.oneof(name, fc.constantFrom('../../canary', '../../canary/file', `${prey.canary}`)),
      data: fc.constantFrom('', 'x', '../../canary/file\0', './l/file\0'),
    });
    const change = fc.tuple(fc.nat(4095), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 6 }),
        fc.array(change, { maxLength: 1 }),
        (entries, changes) => {
          for (const left of fs.readdirSync(prey.root)) fs.rmSync(join(prey.root, left), { recursive: true });
          let bytes: Buffer = Buffer.concat([...entries.map((each) => encode(gnu(each))), END]);
          for (const [at, value] of changes) if (at < bytes.length) bytes = damaged(bytes, at, value);
          const { status, signal } = tryExtract(image(bytes), prey.root);
          expect({ status, signal }).toEqual({ status: expect.toBeOneOf([0, 2]), signal: null });
          prey.expectUntouched();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('has an end that gzip agrees with', () => {
    shell('head -c 65000 /dev/urandom >one; head -c 65000 /dev/urandom >two');
    expect(gunzipSync(create()).subarray(-1024).equals(END)).toBe(true);
  });
});
