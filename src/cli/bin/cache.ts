/** Keeps what V8 makes of the commands on this Node.js: run when the package is built, and where it is installed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { PassThrough } from 'node:stream';
import type { Io } from '../io.js';
import type { Program } from '../main.js';
import type * as Loader from './load.js';

const { makeCache } = createRequire(import.meta.url)('../../bin/load.cjs') as typeof Loader;

/** Words that change nothing, and have what most verbs need compiled. */
const WORDS: readonly (readonly [Program, ...string[]])[] = [
  ['vzctl', '--version'],
  ['vzctl', 'status', '101'],
  ['vzctl', 'set', '101', '--ram', '64M', '--save'],
  ['vzctl', 'start', '101'],
  ['vzctl', 'exec', '101', 'true'],
  ['vzlist', '-a'],
];

function silent(rootDir: string): Io {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  for (const stream of [stdout, stderr]) stream.resume();
  return {
    ...{ stdin, stdout, stderr },
    env: { ...process.env, CELLA_ROOT: rootDir },
    onSignal: () => () => undefined,
    columns: () => undefined,
    terminal: undefined,
  };
}

const rootDir = mkdtempSync(`${tmpdir()}/cella-cache-`);
try {
  await makeCache(async ({ main, openHost }) => {
    for (const [program, ...words] of WORDS) await main(program, words, openHost, silent(rootDir));
  });
} finally {
  rmSync(rootDir, { recursive: true, force: true });
}
