/** Backups as files: what they are called, how they end, which of them are old. */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FoundBackup, findOld } from '../../../src/backup/find.js';
import { FOOTER_LENGTH, formatFooter, parseFooter } from '../../../src/backup/footer.js';
import { backupName, isBackupName, isPartialOf, partialName } from '../../../src/backup/names.js';

const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
const footers = fc.record({
  digest: hex.map((digits) => `sha256:${digits}`),
  bytes: fc.maxSafeNat(),
});

describe('formatFooter and parseFooter', () => {
  it('read what they wrote', () => {
    fc.assert(
      fc.property(footers, (footer) => {
        expect(formatFooter(footer)).toHaveLength(FOOTER_LENGTH);
        expect(parseFooter(formatFooter(footer))).toEqual(footer);
      }),
    );
  });

  it('read it in the midst of memory', () => {
    fc.assert(
      fc.property(footers, fc.uint8Array(), (footer, before) => {
        const bytes = Buffer.concat([before, formatFooter(footer), Buffer.from('after')]);
        expect(parseFooter(bytes.subarray(before.length, before.length + FOOTER_LENGTH))).toEqual(footer);
      }),
    );
  });

  it('take no other end for theirs', () => {
    const footer = { digest: `sha256:${'a'.repeat(64)}`, bytes: 1 };
    fc.assert(
      fc.property(fc.nat({ max: FOOTER_LENGTH - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const bytes = formatFooter(footer);
        bytes[at] = ((bytes[at] ?? 0) + by) % 256;
        const read = parseFooter(bytes);
        expect(read).not.toEqual(footer);
        if (read) expect(formatFooter(read)).toEqual(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(parseFooter(bytes)).toBeUndefined();
      }),
    );
    for (const bytes of [
      formatFooter(footer).subarray(1),
      Buffer.concat([formatFooter(footer), Buffer.alloc(1)]),
    ])
      expect(parseFooter(bytes)).toBeUndefined();
  });

  it('are a frame that zstd skips', ({ skip }) => {
    const footer = formatFooter({ digest: `sha256:${'a'.repeat(64)}`, bytes: 1 });
    const compressed = spawnSync('zstd', ['-cq'], { input: 'contents' });
    skip(compressed.error !== undefined, 'needs zstd');
    const read = spawnSync('zstd', ['-dcq'], { input: Buffer.concat([compressed.stdout, footer]) });
    expect([read.status, read.stdout.toString()]).toEqual([0, 'contents']);
  });
});

describe('names of backups', () => {
  const date = new Date('2026-01-31T23:59:59.999Z');
  const first = 'vzdump-cella-101-2026_01_31-23_59_59.tar.zst';

  it('say of which container they are, and since when', () => {
    expect(backupName(101, date, () => false)).toBe(first);
  });

  it('are never given twice', () => {
    const taken = new Set<string>();
    for (let i = 0; i < 12; i += 1) taken.add(backupName(101, date, (name) => taken.has(name)));
    expect([...taken].slice(0, 2)).toEqual([first, first.replace('.', '_2.')]);
    expect(taken.size).toBe(12);
    expect([...taken].every(isBackupName)).toBe(true);
  });

  it('are others while they are written, which tell the container but are no backups', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 101, max: 2 ** 31 - 4 }),
        fc.integer({ min: 101, max: 20_000 }),
        (ctid, other) => {
          const partial = partialName(`/backups/${backupName(ctid, date, () => false)}`);
          expect(partial).toMatch(/^\/backups\/\./);
          const name = partial.slice('/backups/'.length);
          expect([isBackupName(name), isPartialOf(ctid, name), isPartialOf(other, name)]).toEqual([
            ...[false, true],
            other === ctid,
          ]);
        },
      ),
    );
    expect(isPartialOf(10, `.${first}.partial`)).toBe(false);
    expect(isPartialOf(101, first)).toBe(false);
    expect(isPartialOf(101, '.my-own.tar.zst.partial')).toBe(false);
    expect(partialName('a.tar.zst')).toBe('.a.tar.zst.partial');
  });

  it('may be any that end as they do', () => {
    expect(['a.tar.zst', 'a.tar', '.a.tar.zst', '.tar.zst', ''].map(isBackupName)).toEqual([
      ...[true, false, false, false, false],
    ]);
  });
});

describe('findOld', () => {
  const backup = (digest: number, base?: number): FoundBackup =>
    ({
      digest: `${digest}`,
      base: base === undefined ? null : { digest: `${base}`, file: 'x' },
    }) as FoundBackup;
  /** Each adds to one before it, or to one that is not there, or to none. */
  const histories = fc
    .array(fc.option(fc.integer({ min: -1, max: 9 }), { nil: undefined }), { maxLength: 10 })
    .map((bases) => bases.map((base, i) => backup(i, base !== undefined && base < i ? base : undefined)));

  it('keeps the newest and what they add to, and only these', () => {
    fc.assert(
      fc.property(histories, fc.nat({ max: 11 }), (backups, keep) => {
        const old = new Set(findOld(backups, keep));
        const needed = (one: FoundBackup): boolean =>
          backups.indexOf(one) >= backups.length - keep ||
          backups.some((other) => other.base?.digest === one.digest && needed(other));
        for (const one of backups) expect(old.has(one)).toBe(!needed(one));
      }),
    );
  });

  it('keeps whole chains, and both of two that are the same', () => {
    const chain = [backup(0), backup(1, 0), backup(2, 1), backup(3), backup(4, 2)];
    expect(findOld(chain, 1).map(({ digest }) => digest)).toEqual(['3']);
    expect(findOld([backup(0), backup(0), backup(1, 0)], 1)).toEqual([]);
    expect(findOld(chain, 0)).toEqual(chain);
  });

  it('comes to an end with backups that add to each other', () => {
    expect(findOld([backup(2), backup(0, 1), backup(1, 0)], 1)).toEqual([backup(2)]);
  });
});
