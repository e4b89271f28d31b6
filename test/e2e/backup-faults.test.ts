/** Backups and restores that are killed: what was there is there, and nothing is half done. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const POINTS = [
  ['backup', 'backup.begun'],
  ['backup', 'snapshot.frozen'],
  ['backup', 'backup.listed'],
  ['backup', 'backup.writing'],
  ['backup', 'backup.made'],
  ['backup', 'backup.done'],
  ['backup', 'backup.written'],
  ['restore', 'create.intent'],
  ['restore', 'restore.next'],
  ['restore', 'create.staged'],
  ['restore', 'create.private'],
  ['restore', 'create.done'],
] as const;

/** What the VM lane has of them: an emulated processor takes its time. */
const isFew = ([, point]: readonly [string, string]): boolean => point === 'backup.made';

describe('killed in the middle', () => describeKills(POINTS.filter(isFew)));
describe('killed elsewhere', { tags: ['slow'] }, () => describeKills(POINTS.filter((at) => !isFew(at))));

function describeKills(points: readonly (readonly [string, string])[]): void {
  const sandbox = useSandbox({ clear: [101, 102] });
  const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
  const dump = (): string => `${sandbox.rootDir}/var/lib/vz/dump`;
  const exec = async (ctid: number, command: string): Promise<string> =>
    (await vzctl('exec', String(ctid), command)).stdout;
  const good = (...args: readonly string[]): Promise<string> => sandbox.good(...args);

  it.each(points)('a %s at %s leaves nothing half', async (verb, point) => {
    await sandbox.create(101, '--layout', 'overlay:image', '--diskspace', '64M');
    await good('start', '101', '--wait');
    await exec(101, 'echo one > /root/file');
    await good('backup', '101');
    await exec(101, 'echo two > /root/file');
    const made = await good('backup', '101', '--incremental', '--json');
    const { file: newest } = JSON.parse(made) as { file: string };
    const names = readdirSync(dump()).sort();
    const args = verb === 'backup' ? ['backup', '101'] : ['restore', newest, '102'];
    expect(await sandbox.vzctl(args, { env: { CELLA_FAULT: point } })).toMatchObject({ signal: 'SIGKILL' });
    expect(await exec(101, 'cat /root/file')).toBe('two\n');
    if (verb === 'backup') {
      expect(
        readdirSync(dump())
          .filter((name) => !name.startsWith('.'))
          .sort(),
      ).toEqual(names);
      expect(await vzctl('backup', '101')).toMatchObject({ code: 0 });
      expect(readdirSync(dump()).filter((name) => name.startsWith('.'))).toEqual([]);
    } else {
      expect(await vzctl('restore', newest, '102')).toMatchObject({
        code: point === 'create.done' ? 44 : 0,
      });
      await good('start', '102', '--wait');
      expect(await exec(102, 'cat /root/file')).toBe('two\n');
      await good('stop', '102', '--fast');
    }
    await sandbox.shell('rm "$1"/*', dump());
  });
}
