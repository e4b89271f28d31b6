/** The files of containers' control groups, wherever the hierarchies put them: each is looked for and read once. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { keyedValue, readText } from './files.js';

/** One look at many containers, whose groups lie in the same hierarchies: what was found of one need not be searched again. */
export class GroupLook {
  /** By the groups' parents: which of a container's directories has a file; -1: none. */
  readonly #places = new Map<string, Map<string, number>>();

  /** `directories`: all groups of one container. */
  of(directories: readonly string[]): GroupFiles {
    const parents = directories.map((at) => dirname(at)).join();
    const places = this.#places.get(parents) ?? new Map<string, number>();
    this.#places.set(parents, places);
    return new GroupFiles(directories, places);
  }
}

export class GroupFiles {
  readonly directories: readonly string[];
  readonly #places: Map<string, number>;
  readonly #texts = new Map<string, string | undefined>();

  constructor(directories: readonly string[], places: Map<string, number> = new Map()) {
    this.directories = directories;
    this.#places = places;
  }

  /** Undefined where no hierarchy has it. */
  text(file: string): string | undefined {
    if (!this.#texts.has(file)) this.#texts.set(file, this.#read(file));
    return this.#texts.get(file);
  }

  big(file: string): bigint | null {
    const text = this.text(file);
    return text === undefined || text === 'max' ? null : BigInt(text);
  }

  number(file: string): number | null {
    const value = this.big(file);
    return value === null ? null : Number(value);
  }

  /** One value of a file of lines "key value". */
  key(file: string, key: string): bigint | null {
    return keyedValue(this.text(file), key);
  }

  #read(file: string): string | undefined {
    const place = this.#places.get(file);
    if (place !== undefined) return place < 0 ? undefined : readText(`${this.directories[place]}/${file}`);
    for (const [at, directory] of this.directories.entries()) {
      const text = readText(`${directory}/${file}`);
      if (text === undefined) continue;
      this.#places.set(file, at);
      return text;
    }
    // Of one that is just ending nothing is found, which says nothing of the others.
    if (existsSync(this.directories[0] ?? '')) this.#places.set(file, -1);
    return undefined;
  }
}
