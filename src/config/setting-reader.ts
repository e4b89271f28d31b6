/** Reads typed settings from files in order of precedence and gathers every complaint into one error. */

import { CellaError } from '../errors.js';
import { readList } from './edits.js';
import { type ConfigFile, getSettings, type Line, type Setting } from './grammar.js';
import { findByKey } from './parameters.js';

/** One file to read from, and the keys that may stand in it only once. */
export interface Source {
  readonly file: ConfigFile;
  readonly name: string;
  readonly isScalar: (key: string) => boolean;
}

interface Complaint {
  readonly source: number;
  readonly line: number;
  readonly message: string;
}

export class SettingReader {
  readonly #sources: readonly Source[];
  readonly #settings: readonly ReadonlyMap<string, Setting>[];
  readonly #complaints: Complaint[] = [];

  /** The first source has the last word. */
  constructor(sources: readonly Source[]) {
    this.#sources = sources;
    this.#settings = sources.map(({ file }) => getSettings(file));
    for (const index of sources.keys()) this.#checkLines(index);
  }

  /**
   * The value of the first source that sets the key; an empty value counts as not set. Several lines of a list make
   * one.
   */
  read<T>(key: string, parse: (text: string) => T): T | undefined {
    const values: T[] = [];
    const rules = findByKey(key)?.value.list;
    for (const [source, settings] of this.#settings.entries()) {
      const setting = settings.get(key);
      if (setting === undefined) continue;
      const text = rules ? readList(this.#linesOf(source), key, rules) : setting.value;
      if (text === '') continue;
      try {
        values.push(parse(text));
      } catch (error) {
        if (!(error instanceof CellaError)) throw error;
        this.#complaints.push({ source, line: setting.line, message: `${key}: ${error.message}` });
      }
    }
    return values[0];
  }

  /** Complains about a key, at the line that sets it. */
  complain(key: string, message: string): void {
    const found = this.#settings.findIndex((settings) => (settings.get(key)?.value ?? '') !== '');
    const source = Math.max(found, 0);
    const line = this.#settings[source]?.get(key)?.line ?? 1;
    this.#complaints.push({ source, line, message: `${key}: ${message}` });
  }

  /** Throws INVALID_CONFIG with all complaints, in order of file and line, if there are any. */
  finish(): void {
    if (this.#complaints.length === 0) return;
    const sorted = this.#complaints.toSorted((a, b) => a.source - b.source || a.line - b.line);
    const lines = sorted.map((at) => `${this.#sources[at.source]?.name}:${at.line}: ${at.message}`);
    throw new CellaError('INVALID_CONFIG', lines.join('\n'), { hint: 'Correct the lines named.' });
  }

  #linesOf(source: number): readonly Line[] {
    return this.#sources[source]?.file.lines ?? [];
  }

  #checkLines(source: number): void {
    const { file, isScalar } = this.#sources[source] as Source;
    for (const line of file.lines) {
      if (line.kind === 'broken') {
        this.#complaints.push({ source, line: line.number, message: 'not of the form KEY="value"' });
      } else if (line.kind === 'setting' && isScalar(line.key)) {
        const first = this.#settings[source]?.get(line.key)?.line;
        if (first === line.number) continue;
        const message = `${line.key}: already set on line ${first}`;
        this.#complaints.push({ source, line: line.number, message });
      }
    }
  }
}
