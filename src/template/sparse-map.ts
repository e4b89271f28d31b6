/** Maps of sparse files as GNU tar writes them: offset, length, offset, length, … */

export const BLOCK = 512;

/** A map that leads the data, and comes in pieces as the data does. */
export interface MapReader {
  /** How many bytes of the chunk are of the map; undefined when they make none. */
  take(chunk: Uint8Array): number | undefined;
  readonly isDone: boolean;
}

/** PAX 1.0: lines of decimal numbers, the first of which tells how many pieces follow; padded to a whole block. */
export class NumberedMap implements MapReader {
  readonly #map: number[];
  readonly #most: number;
  #text = '';
  /** Of the numbers; undefined: the count has not come. */
  #missing: number | undefined;
  #taken = 0;

  constructor(map: number[], most: number) {
    this.#map = map;
    this.#most = most;
  }

  get isDone(): boolean {
    return this.#missing === 0 && this.#taken % BLOCK === 0;
  }

  take(chunk: Uint8Array): number | undefined {
    let at = 0;
    for (; at < chunk.length && !this.isDone; at += 1) {
      if (this.#missing !== 0 && !this.#character(chunk[at] as number)) return undefined;
      this.#taken += 1;
    }
    return at;
  }

  #character(code: number): boolean {
    if (code !== 0x0a) {
      this.#text += String.fromCharCode(code);
      return this.#text.length <= 16;
    }
    const number = decimal(this.#text);
    this.#text = '';
    if (number === undefined) return false;
    if (this.#missing === undefined) {
      this.#missing = number * 2;
      return number <= this.#most;
    }
    this.#map.push(number);
    this.#missing -= 1;
    return true;
  }
}

const IN_BLOCK = 21;
/** In a block of a map: whether one more follows. */
export const MORE_FOLLOWS = 504;

/** Old GNU: blocks of 21 pieces, each telling whether it is the last. */
export class BlockMap implements MapReader {
  readonly #map: number[];
  readonly #most: number;
  readonly #block = Buffer.alloc(BLOCK);
  #used = 0;
  isDone = false;

  constructor(map: number[], most: number) {
    this.#map = map;
    this.#most = most;
  }

  take(chunk: Uint8Array): number | undefined {
    let at = 0;
    while (at < chunk.length && !this.isDone) {
      const part = chunk.subarray(at, at + BLOCK - this.#used);
      this.#block.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
      if (this.#used === BLOCK && !this.#whole()) return undefined;
    }
    return at;
  }

  #whole(): boolean {
    this.#used = 0;
    const pieces = oldPieces(this.#block, 0, IN_BLOCK, this.#map);
    this.isDone = this.#block[MORE_FOLLOWS] === 0;
    return (this.isDone ? pieces !== undefined : pieces === IN_BLOCK) && this.#map.length <= this.#most * 2;
  }
}

/** Adds up to `count` pieces to the map: fewer where one has no length. Returns how many; undefined: no numbers. */
export function oldPieces(block: Buffer, from: number, count: number, map: number[]): number | undefined {
  for (let i = 0; i < count; i += 1) {
    const at = from + i * 24;
    if (block[at + 12] === 0) return i;
    const offset = oldNumber(block.subarray(at, at + 12));
    const length = oldNumber(block.subarray(at + 12, at + 24));
    if (offset === undefined || length === undefined) return undefined;
    map.push(offset, length);
  }
  return count;
}

/** Octal digits, or where they are too few a one in the highest bit and the number in binary. */
export function oldNumber(field: Buffer): number | undefined {
  if (field[0] === 0x80) {
    const value = field.readUIntBE(1, 3) === 0 ? field.readBigUInt64BE(4) : undefined;
    return value !== undefined && value <= Number.MAX_SAFE_INTEGER ? Number(value) : undefined;
  }
  const digits = /^ *([0-7]{1,12})[ \0]*$/.exec(field.toString('latin1'))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

export function decimal(text: string | undefined): number | undefined {
  const value = text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : undefined;
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined;
}

/** Whether pieces follow each other and lie in the file. */
export function isInOrder(map: readonly number[], size: number): boolean {
  let end = 0;
  for (let i = 0; i < map.length; i += 2) {
    const offset = map[i] as number;
    const after = offset + (map[i + 1] as number);
    // Also where one is not a number.
    if (!(offset >= end && after >= offset && after <= size)) return false;
    end = after;
  }
  return true;
}
