/** What CRIU finds for tar makes and extracts what the real one does, and leaves the rest to it. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CREATE, createImage, DIRECTORY, extractImage, FIRST, HEAD, REAL } from '../helpers/criu-tar.js';
import { END } from '../helpers/tar.js';

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

function create(env = FIRST): Buffer {
  const { image, status, stderr } = createImage(`${top}/from`, env);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.not.stringContaining('Cannot') });
  return image;
}

function extract(image: Buffer, env = FIRST): void {
  const { status, signal, stderr } = extractImage(image, `${top}/to`, env);
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

  it('has an end that gzip agrees with', () => {
    shell('head -c 65000 /dev/urandom >one; head -c 65000 /dev/urandom >two');
    expect(gunzipSync(create()).subarray(-1024).equals(END)).toBe(true);
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
    expect(version({ ...FIRST, PATH: `${DIRECTORY}:${FIRST.PATH}` })).toBe(version(REAL));
    const args = [...CREATE, `${top}/from/empty`, 'x', '.'];
    const more = spawnSync('tar', args, { env: FIRST, encoding: 'utf8' });
    expect(more).toMatchObject({ status: 2, stderr: expect.stringContaining('x: Cannot stat') });
  });

  it('is missed aloud', () => {
    const { status, stderr } = spawnSync('tar', ['--version'], {
      env: { PATH: DIRECTORY },
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 2, stderr: 'tar: the real tar cannot be run: errno 2\n' });
  });
});
