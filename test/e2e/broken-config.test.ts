/** A config file that somebody broke: every complaint at once, nothing changed, and the others go on. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const BREAK = 'PHYSPAGES="much"\nNUMPROC="-3"\nhalf a line\n';

const sandbox = useSandbox({ clear: [101, 102] });
let path: string;
let sound: string;
let broken: string;

beforeEach(async () => {
  await sandbox.create(101);
  await sandbox.create(102, '--hostname', 'sound.example');
  path = `${sandbox.rootDir}/etc/vz/conf/101.conf`;
  sound = readFileSync(path, 'utf8');
  broken = sound + BREAK;
});
// Before it is cleared: hooks run in reverse.
afterEach(() => writeFileSync(path, sound));

const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);

describe('a broken config file', { tags: ['slow'] }, () => {
  it.each([
    ['start', []],
    ['stop', []],
    ['mount', []],
    ['destroy', []],
    ['set', ['--hostname', 'new', '--save']],
    ['exec', ['true']],
    ['status', []],
  ])('stops %s with status 85 and all its complaints by line, and stays as it is', async (verb, args) => {
    writeFileSync(path, broken);
    const first = sound.split('\n').length;
    const { code, stderr } = await vzctl(verb, '101', ...args);
    expect(code).toBe(85);
    for (const [i, complaint] of ['PHYSPAGES', 'NUMPROC', 'not of the form'].entries())
      expect(stderr).toMatch(new RegExp(`:${first + i}: .*${complaint}`));
    expect(readFileSync(path, 'utf8')).toBe(broken);
  });

  it('does not keep vzlist from showing what is true, nor others from working', async () => {
    await vzctl('start', '101', '--wait');
    writeFileSync(path, broken);
    const { code, stdout, stderr } = await sandbox.run('vzlist', ['-a', '-H', '-o', 'ctid,status,hostname']);
    expect(code).toBe(0);
    expect(stdout.trim().split(/\s*\n\s*/)).toEqual([
      expect.stringMatching(/^101 +running +-$/),
      expect.stringMatching(/^102 +stopped +sound\.example$/),
    ]);
    expect(stderr).toContain(`${path}:`);
    expect(await vzctl('start', '102', '--wait')).toMatchObject({ code: 0, stderr: '' });
  });

  it('is forgotten when it is mended', async () => {
    writeFileSync(path, broken);
    await vzctl('start', '101');
    writeFileSync(path, sound);
    expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a broken vz.conf', { tags: ['slow'] }, () => {
  it('is named with the line', async () => {
    const host = `${sandbox.rootDir}/etc/vz/vz.conf`;
    const text = readFileSync(host, 'utf8');
    writeFileSync(host, `${text}LOGGING="perhaps"\n`);
    const { code, stderr } = await vzctl('start', '102');
    writeFileSync(host, text);
    expect(code).toBe(85);
    expect(stderr).toContain(`${host}:${text.split('\n').length}: `);
  });
});

describe('a setting in vz.conf that cannot be used', { tags: ['slow'] }, () => {
  it('does not keep anybody from looking', async () => {
    const host = `${sandbox.rootDir}/etc/vz/vz.conf`;
    const before = readFileSync(host, 'utf8');
    writeFileSync(host, `${before.replace(/^VE_PARALLEL=.*\n/m, '')}VE_PARALLEL="many"\n`);
    try {
      const listed = await sandbox.run('vzlist', ['-a', '-H', '-o', 'ctid,status']);
      expect(listed).toMatchObject({ code: 0, stderr: '' });
      expect(listed.stdout.trim().split(/\s*\n\s*/)).toEqual([
        expect.stringMatching(/^101 +stopped$/),
        expect.stringMatching(/^102 +stopped$/),
      ]);
      expect(await vzctl('status', '101')).toMatchObject({
        code: 0,
        stdout: 'CTID 101 exist unmounted down\n',
      });
    } finally {
      writeFileSync(host, before);
    }
  });
});
