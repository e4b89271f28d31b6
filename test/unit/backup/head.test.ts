/** The beginning of a backup, which an incremental one needs of its base, and the stream that it is read from. */
import { once } from 'node:events';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { Bytes, formatHead, type Head, readHead, readManifest } from '../../../src/backup/head.js';
import type { BackupManifest } from '../../../src/backup/manifest.js';
import { treeOf, trees } from './model.js';

const MANIFEST: BackupManifest = {
  version: 1,
  ctid: 101,
  date: '2026-01-31T23:59:59.000Z',
  kind: 'full',
  mode: 'snapshot',
  base: null,
  template: { name: 'debian-13-x86_64', digest: `sha256:${'a'.repeat(64)}` },
  layout: 'overlay:image',
  excluded: ['/tmp/*', 'grün'],
  entries: 1,
  stored: 1,
  bytes: 0,
};

const some: Head = { manifest: MANIFEST, config: 'ONBOOT="yes"\n', index: treeOf([{ path: 'a' }]) };

/** In chunks of these lengths, over and over. */
async function* chunks(data: Uint8Array, lengths: readonly number[] = [65_536]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < data.byteLength; i += 1) {
    const length = lengths[i % lengths.length] ?? 1;
    yield data.subarray(at, at + length);
    at += length;
  }
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of source) all.push(chunk);
  return Buffer.concat(all);
}

const lengths = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 4 });

describe('formatHead and readHead', () => {
  it('read what they wrote, however it arrives, and leave what follows', async () => {
    const config = fc.string({ unit: 'grapheme', maxLength: 600 });
    await fc.assert(
      fc.asyncProperty(config, trees, fc.uint8Array(), lengths, async (config, index, files, lengths) => {
        const head = { manifest: MANIFEST, config, index };
        const bytes = new Bytes(chunks(Buffer.concat([await formatHead(head), files]), lengths));
        expect(await readHead(bytes)).toEqual(head);
        expect(await collect(bytes.rest())).toEqual(Buffer.from(files));
      }),
    );
  });

  it('make the beginning of a tar archive', async () => {
    const names: string[] = [];
    const archive = extract();
    archive.on('entry', ({ name, mode }, stream, next) => {
      names.push(`${name} ${mode?.toString(8)}`);
      stream.on('end', next).resume();
    });
    archive.end(Buffer.concat([await formatHead(some), Buffer.alloc(1024)]));
    await once(archive, 'finish');
    expect(names).toEqual(['manifest.json 600', '101.conf 600', 'index 600']);
  });

  it('are the same bytes for the same container', async () => {
    expect(await formatHead(some)).toEqual(await formatHead(some));
  });

  it('take less than all of it to tell what it is', async () => {
    const bytes = (await formatHead(some)).subarray(0, 2048);
    expect(await readManifest(new Bytes(chunks(bytes)))).toEqual(MANIFEST);
  });
});

describe('readHead', () => {
  const refused = expect.objectContaining({ code: 'CREATE_FAILED' });
  const read = (bytes: Uint8Array): Promise<Head> => readHead(new Bytes(chunks(bytes)));

  it('refuses one that is cut short anywhere', async () => {
    const bytes = await formatHead(some);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length - 512 }), async (length) => {
        await expect(read(bytes.subarray(0, length))).rejects.toEqual(refused);
      }),
    );
  });

  it('refuses what is damaged, or reads it as something that is whole', async () => {
    const bytes = await formatHead(some);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }), async (at, value) => {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        const head = await read(changed).catch((error: unknown) => error);
        if (head instanceof Error) expect(head).toEqual(refused);
        else expect(await read(await formatHead(head as Head))).toEqual(head);
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, number, string, string]>([
    ['another name', 0, 'manifest.jso\0', "does not hold 'manifest.json'"],
    ['a link', 156, '2', "does not hold 'manifest.json'"],
    ['no magic', 257, 'xstar', "does not hold 'manifest.json'"],
    ['a size of gigabytes', 124, '77777777777', 'is too large'],
    ['a size in base 256', 124, '\x80\0\0\0\0\0\0\0\0\0\0\x10', 'is too large'],
    ['a negative size', 124, '-0000000001', 'is too large'],
    ['no size', 124, '\0'.repeat(12), 'is too large'],
    ['a size beyond its end', 124, '00000777777\0', "ends within 'manifest.json'"],
  ])('refuses %s', async (_, at, text, message) => {
    const bytes = await formatHead(some);
    bytes.write(text, at, 'latin1');
    await expect(read(bytes)).rejects.toThrow(message);
  });

  it('refuses what is no archive at all', async () => {
    await expect(read(Buffer.alloc(0))).rejects.toEqual(refused);
    await expect(read(Buffer.alloc(10_240))).rejects.toEqual(refused);
    await expect(read(Buffer.from('x'.repeat(5000)))).rejects.toEqual(refused);
  });

  it('refuses the config of another container', async () => {
    const bytes = await formatHead(some);
    bytes.write('102.conf', bytes.indexOf('101.conf'));
    await expect(read(bytes)).rejects.toThrow("it does not hold '101.conf' in its place");
  });
});

describe('Bytes', () => {
  it('gives all of a stream in its order, in whatever pieces it is taken', async () => {
    const takes = fc.array(fc.nat({ max: 3000 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 6000 }), lengths, takes, async (data, lengths, takes) => {
        const bytes = new Bytes(chunks(data, lengths));
        const taken: Buffer[] = [];
        for (const count of takes) taken.push(await bytes.take(count));
        let left = data.byteLength;
        for (const [i, count] of takes.entries()) {
          expect(taken[i]?.length).toBe(Math.min(count, left));
          left -= Math.min(count, left);
        }
        expect(Buffer.concat([...taken, await collect(bytes.rest())])).toEqual(Buffer.from(data));
      }),
    );
  });

  it('ends whatever makes the stream', async () => {
    let ended = false;
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(10);
      } finally {
        ended = true;
      }
    };
    {
      await using bytes = new Bytes(source());
      expect(await bytes.take(15)).toHaveLength(15);
    }
    expect(ended).toBe(true);
  });
});
