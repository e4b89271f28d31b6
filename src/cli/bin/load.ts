/**
 * The commands as one file, with what V8 made of it before: to read a megabyte of source takes a process longer than
 * what a short verb does. Made again where it does not fit this Node.js, which V8 finds by itself; the file beside is
 * one of the source that it was made of.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import type { main, Program } from '../main.js';

/** What `commands.ts` exports. */
export interface Commands {
  readonly run: (name: Program) => Promise<void>;
  readonly main: typeof main;
  readonly openHost: Parameters<typeof main>[2];
}

/** Of the source: given by src/setup/bundle.mjs. */
declare const SOURCE_HASH: string;

const SOURCE = fileURLToPath(new URL('commands.cjs', import.meta.url));
const CACHE = fileURLToPath(new URL(`commands-${SOURCE_HASH}.cache`, import.meta.url));

/** `cached`: nothing had to be compiled. */
export function load(): { readonly commands: Commands; readonly cached: boolean } {
  const { script, cached } = compile();
  return { commands: evaluate(script), cached };
}

/** Keeps what V8 has made of the source after `warm` has called some of it. */
export async function makeCache(warm: (commands: Commands) => Promise<unknown>): Promise<void> {
  rmSync(CACHE, { force: true });
  const { script } = compile();
  await warm(evaluate(script));
  writeFileSync(`${CACHE}.${process.pid}`, script.createCachedData());
  renameSync(`${CACHE}.${process.pid}`, CACHE);
}

function compile(): { script: Script; cached: boolean } {
  // The bundle is ASCII; this is the quickest way to a string that V8 need not copy.
  const source = readFileSync(SOURCE, 'latin1');
  const cachedData = readCache();
  const script = new Script(`(function (module, require, __filename) {${source}\n})`, {
    filename: SOURCE,
    ...(cachedData ? { cachedData } : {}),
  });
  return { script, cached: cachedData !== undefined && script.cachedDataRejected === false };
}

function readCache(): Buffer | undefined {
  try {
    return readFileSync(CACHE);
  } catch {
    // A package that was only unpacked has none, and needs none.
    return undefined;
  }
}

function evaluate(script: Script): Commands {
  const module: { exports?: Commands } = {};
  script.runInThisContext()(module, createRequire(SOURCE), SOURCE);
  return module.exports as Commands;
}
