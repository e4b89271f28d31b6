/** What is taken from a machine's fstab, which is not trusted. */
import { describe, expect, it } from 'vitest';
import { exclusions, leftOut } from '../../../src/disk/clean.js';
import { extraMounts, parseFstab, subvolumeOf, swapFiles, withoutDisks } from '../../../src/disk/fstab.js';

const FSTAB = `# comment
UUID=1 / ext4 defaults 0 1
/dev/sda3 /var/lib ext4 defaults
LABEL=usr /usr xfs
/dev/sda1 /boot ext4
UUID=9 /boot/efi vfat
/swapfile none swap sw 0 0
/dev/sda2 none swap sw
tmpfs /tmp tmpfs size=1M
server:/x /mnt nfs defaults
UUID=2 /../etc ext4
UUID=2 /a/./b ext4
UUID=2 relative ext4
UUID=3 /with\\040blank btrfs subvol=@x,ro
UUID=3 /y btrfs subvol=@x\\054dev
`;

describe('fstab', () => {
  const entries = parseFstab(FSTAB);

  it('names the volumes that are copied too, parents first', () => {
    expect(extraMounts(entries).map(({ device, at }) => `${device} ${at}`)).toEqual([
      'LABEL=usr /usr',
      'UUID=3 /with blank',
      'UUID=3 /y',
      '/dev/sda3 /var/lib',
    ]);
  });

  it('names subvolumes, and gives mount(8) no other options', () => {
    expect(entries.slice(-2).map(subvolumeOf)).toEqual(['@x', '@x']);
    expect(subvolumeOf({ device: '', at: '', type: '', options: ['subvol=a b'] })).toBeUndefined();
  });

  it('keeps what is no disk, and the rest as comments', () => {
    const kept = withoutDisks(FSTAB)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(kept).toEqual(['tmpfs /tmp tmpfs size=1M', 'server:/x /mnt nfs defaults']);
  });

  it('names swap files, which are left out with kernels and modules', () => {
    expect(swapFiles(entries)).toEqual(['/swapfile']);
    expect(leftOut({ boot: ['vmlinuz-6'], dev: ['sda'] }, ['/swapfile'])).toEqual([
      '/boot/vmlinuz-6',
      '/swapfile',
    ]);
  });
});

describe('what tar is told to leave out', () => {
  it('is below the place where a volume will be', () => {
    expect(exclusions('', ['/swap[1]'])).toMatchInlineSnapshot(`
      [
        "--anchored",
        "--wildcards",
        "--wildcards-match-slash",
        "--exclude=./lost+found",
        "--exclude=./boot/*",
        "--exclude=./efi/*",
        "--exclude=./lib/modules/*",
        "--exclude=./usr/lib/modules/*",
        "--exclude=./dev/*",
        "--exclude=./proc/*",
        "--exclude=./sys/*",
        "--exclude=./run/*",
        "--no-wildcards",
        "--exclude=./swap[1]",
      ]
    `);
    expect(exclusions('usr', ['/swapfile', '/usr/swap'])).toMatchInlineSnapshot(`
      [
        "--anchored",
        "--wildcards",
        "--wildcards-match-slash",
        "--exclude=./lost+found",
        "--exclude=./lib/modules/*",
        "--no-wildcards",
        "--exclude=./swap",
      ]
    `);
  });
});
