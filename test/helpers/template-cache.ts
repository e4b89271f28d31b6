/** A template cache of a test's own, and sources to import into it. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach } from 'vitest';
import type { Template } from '../../src/template/cache.js';
import { importTemplate } from '../../src/template/import.js';

export class TemplateCache {
  /** For sources, and whatever else a test makes. */
  directory = '';

  get templates(): string {
    return `${this.directory}/template`;
  }

  open(): void {
    this.directory = mkdtempSync(`${tmpdir()}/cella-templates-`);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** What is in the cache besides the directory of locks. */
  get cached(): readonly string[] {
    if (!existsSync(`${this.templates}/cache`)) return [];
    return readdirSync(`${this.templates}/cache`).filter((name) => name !== '.lock');
  }

  /** Makes a file to import; returns its path. */
  write(name: string, bytes: Buffer): string {
    writeFileSync(`${this.directory}/${name}`, bytes);
    return `${this.directory}/${name}`;
  }

  import(source: string, name?: string): Promise<Template> {
    return importTemplate(source, this.templates, { name });
  }
}

/** A new one for every test of a file. */
export function useTemplateCache(): TemplateCache {
  const cache = new TemplateCache();
  beforeEach(() => cache.open());
  afterEach(() => cache.close());
  return cache;
}
