/**
 * Sparse files of GNU tar: their data without the holes, and a map of where each piece of it goes (tar's manual, "Storing
 * Sparse Files"). The map is in a PAX header (0.0, 0.1), leads the data as decimal numbers (1.0), or is in the header
 * and in blocks before the data (old GNU).
 */
import { CellaError } from '../errors.js';
import { shownName } from './entry-name.js';
import type { UnpackLimits } from './limits.js';
import {
  BlockMap,
  decimal,
  isInOrder,
  type MapReader,
  NumberedMap,
  oldNumber,
  oldPieces,
} from './sparse-map.js';
import type { PaxRecords, TarHeader } from './tar-reader.js';

export interface Sparse {
  /** Of the file, holes included. */
  readonly size: number;
  /** Offset, length, offset, length, … as far as the headers tell. */
  readonly map: readonly number[];
  /** What leads the data: nothing, numbers of PAX 1.0, or blocks of old GNU tar. */
  readonly rest: 'none' | 'numbers' | 'blocks';
}

const PAX = 'GNU.sparse.';
const GNU_MAGIC = 'ustar  \0';

/** What a header and its block say; null: no sparse file, undefined: one that makes no sense. */
export function sparseOf(
  { type, pax }: Pick<TarHeader, 'type' | 'pax'>,
  block: Buffer,
): Sparse | null | undefined {
  const isPax = pax !== null && Object.keys(pax).some((key) => key.startsWith(PAX));
  if (isOldSparse(block)) return isPax ? undefined : ofOldGnu(block);
  if (!isPax) return null;
  return type === 'file' || type === 'contiguous-file' ? ofPax(pax) : undefined;
}

/** Type S; star has other files of that type. */
function isOldSparse(block: Buffer): boolean {
  return block[156] === 0x53 && block.toString('latin1', 257, 265) === GNU_MAGIC;
}

function ofOldGnu(block: Buffer): Sparse | undefined {
  const map: number[] = [];
  const size = oldNumber(block.subarray(483, 495));
  const pieces = oldPieces(block, 386, 4, map);
  const isExtended = block[482] !== 0;
  if (size === undefined || pieces === undefined || (isExtended && pieces < 4)) return undefined;
  return { size, map, rest: isExtended ? 'blocks' : 'none' };
}

function ofPax(pax: PaxRecords): Sparse | undefined {
  const of = (key: string): string | undefined => pax[PAX + key];
  const size = decimal(of('realsize') ?? of('size'));
  const version = `${of('major') ?? 0}.${of('minor') ?? 0}`;
  if (size === undefined) return undefined;
  if (version === '1.0') return { size, map: [], rest: 'numbers' };
  if (version !== '0.0' && version !== '0.1') return undefined;
  const text = of('map') ?? '';
  const map = text === '' ? [] : text.split(',').map((number) => decimal(number) ?? Number.NaN);
  const pieces = of('numblocks') ?? String(map.length / 2);
  return decimal(pieces) === map.length / 2 ? { size, map, rest: 'none' } : undefined;
}

/** Where data goes, as a TreeWriter takes it. */
export interface Sink {
  data(chunk: Uint8Array): void;
  hole(length: number): void;
}

/** Takes what an archive has of a sparse file, and puts the holes back between. */
export class SparseBody {
  readonly #name: string;
  readonly #size: number;
  readonly #map: number[];
  readonly #pieces: number;
  readonly #rest: MapReader | undefined;
  readonly #sink: Sink;
  #isChecked = false;
  /** Of the piece in the map whose data comes next. */
  #next = 0;
  /** In the file. */
  #at = 0;

  constructor(name: string, sparse: Sparse, sink: Sink, limits: Pick<UnpackLimits, 'pieces'>) {
    this.#name = name;
    this.#size = sparse.size;
    this.#pieces = limits.pieces;
    this.#map = [...sparse.map];
    this.#sink = sink;
    if (sparse.rest === 'numbers') this.#rest = new NumberedMap(this.#map, limits.pieces);
    if (sparse.rest === 'blocks') this.#rest = new BlockMap(this.#map, limits.pieces);
  }

  data(chunk: Uint8Array): void {
    const ofMap = this.#rest?.isDone === false ? this.#rest.take(chunk) : 0;
    let left = chunk.subarray(ofMap ?? this.#refuse());
    while (left.length > 0) {
      const [begin, end] = this.#piece();
      this.#hole(begin);
      const part = left.subarray(0, end - this.#at);
      this.#sink.data(part);
      this.#at += part.length;
      left = left.subarray(part.length);
    }
  }

  /** All of it has come. */
  end(): void {
    this.#check();
    for (; this.#next < this.#map.length; this.#next += 2)
      if (this.#endOf(this.#next) > this.#at && this.#map[this.#next + 1] !== 0) this.#refuse();
    this.#hole(this.#size);
  }

  /** The one that is not complete. */
  #piece(): readonly [begin: number, end: number] {
    this.#check();
    while (this.#next < this.#map.length) {
      const begin = this.#map[this.#next] as number;
      const end = this.#endOf(this.#next);
      if (end > begin && end > this.#at) return [begin, end];
      this.#next += 2;
    }
    return this.#refuse();
  }

  #endOf(piece: number): number {
    return (this.#map[piece] as number) + (this.#map[piece + 1] as number);
  }

  #hole(until: number): void {
    if (until <= this.#at) return;
    this.#sink.hole(until - this.#at);
    this.#at = until;
  }

  /** Once the map is complete. */
  #check(): void {
    if (this.#isChecked) return;
    const isWhole = this.#rest?.isDone !== false && this.#map.length <= this.#pieces * 2;
    if (!isWhole || !isInOrder(this.#map, this.#size)) this.#refuse();
    this.#isChecked = true;
  }

  #refuse(): never {
    throw wrongMap(this.#name);
  }
}

export function wrongMap(name: string): CellaError {
  return new CellaError(
    'CREATE_FAILED',
    `the archive's entry '${shownName(name)}' is a sparse file whose map is wrong`,
  );
}
