/** The first members of a backup, all that an incremental one needs of its base: manifest, config, list of files. */
import { pack } from 'tar-stream';
import { CellaError } from '../errors.js';
import { type BackupManifest, parseBackupManifest } from './manifest.js';
import { formatIndex, parseIndex, type TreeIndex } from './tree-index.js';

export interface Head {
  readonly manifest: BackupManifest;
  /** CTID.conf. */
  readonly config: string;
  readonly index: TreeIndex;
}

const BLOCK = 512;
/** What tar-stream ends an archive with; ours goes on. */
const END = 2 * BLOCK;
const LIMITS = { manifest: 1 << 20, config: 1 << 20, index: 2 ** 30 } as const;

/** As the beginning of a tar archive. */
export async function formatHead({ manifest, config, index }: Head): Promise<Buffer> {
  const archive = pack();
  const mtime = new Date(manifest.date);
  const add = (name: string, data: Buffer): unknown => archive.entry({ name, mode: 0o600, mtime }, data);
  add('manifest.json', Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  add(`${manifest.ctid}.conf`, Buffer.from(config));
  add('index', Buffer.concat([...formatIndex(index)]));
  archive.finalize();
  const bytes: Buffer[] = [];
  for await (const chunk of archive) bytes.push(chunk as Buffer);
  return Buffer.concat(bytes).subarray(0, -END);
}

export async function readHead(source: Bytes): Promise<Head> {
  const manifest = parseBackupManifest(
    (await readMember(source, 'manifest.json', LIMITS.manifest)).toString(),
  );
  const config = (await readMember(source, `${manifest.ctid}.conf`, LIMITS.config)).toString();
  return { manifest, config, index: parseIndex(await readMember(source, 'index', LIMITS.index)) };
}

/** Only what is first: to look at many backups. */
export async function readManifest(source: Bytes): Promise<BackupManifest> {
  return parseBackupManifest((await readMember(source, 'manifest.json', LIMITS.manifest)).toString());
}

/** These members are ours, in this order; a stranger's archive has others, or other headers than this one. */
async function readMember(source: Bytes, name: string, limit: number): Promise<Buffer> {
  const header = await source.take(BLOCK);
  const text = (from: number, to: number): string =>
    header.toString('latin1', from, to).replace(/[\0 ].*$/s, '');
  const size = text(124, 136);
  if (header.length < BLOCK || text(257, 262) !== 'ustar' || text(0, 100) !== name || text(156, 157) !== '0')
    throw new CellaError(
      'CREATE_FAILED',
      `the archive is no backup of Cella: it does not hold '${name}' in its place`,
    );
  const length = /^[0-7]{1,11}$/.test(size) ? Number.parseInt(size, 8) : Number.NaN;
  if (!(length <= limit)) throw new CellaError('CREATE_FAILED', `the backup's '${name}' is too large`);
  const data = await source.take(Math.ceil(length / BLOCK) * BLOCK);
  if (data.length < length) throw new CellaError('CREATE_FAILED', `the backup ends within '${name}'`);
  return data.subarray(0, length);
}

/** A stream that can be read by the byte, and handed on from there. */
export class Bytes implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** As many bytes, or all that there are. */
  async take(count: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for (let missing = count; missing > 0; ) {
      if (this.#rest.byteLength === 0) {
        const { value, done } = await this.#source.next();
        if (done) break;
        this.#rest = value;
      }
      const part = this.#rest.subarray(0, missing);
      parts.push(part);
      this.#rest = this.#rest.subarray(part.byteLength);
      missing -= part.byteLength;
    }
    return Buffer.concat(parts);
  }

  async *rest(): AsyncGenerator<Uint8Array> {
    if (this.#rest.byteLength > 0) yield this.#rest;
    for (;;) {
      const { value, done } = await this.#source.next();
      if (done) return;
      yield value;
    }
  }

  /** Ends whatever makes the stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }
}
