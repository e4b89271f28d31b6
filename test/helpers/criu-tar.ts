/** Our tar, which CRIU finds first, run as CRIU runs it. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Has nothing else in it. */
export const DIRECTORY = dirname(fileURLToPath(new URL('../../build/Release/criu/tar', import.meta.url)));
export const REAL: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C' };
export const FIRST: NodeJS.ProcessEnv = { ...REAL, PATH: `${DIRECTORY}:${process.env.PATH}` };

/** What its archives begin with: a gzip file with this comment. */
export const HEAD = Buffer.from('1f8b0810000000000003' + '63656c6c6100', 'hex');

export const CREATE = [
  ...['--create', '--gzip', '--no-unquote', '--no-wildcards', '--one-file-system', '--check-links'],
  ...['--preserve-permissions', '--sparse', '--numeric-owner', '--directory'],
] as const;
const EXTRACT = ['--extract', '--gzip', '--no-unquote', '--no-wildcards', '--directory'] as const;

interface Created {
  readonly image: Buffer;
  readonly status: number | null;
  readonly stderr: string;
}

/** The directory is standard input, the image standard output. */
export function createImage(from: string, env: NodeJS.ProcessEnv): Created {
  return withImage((path) => {
    const [input, output] = [openSync(from, 'r'), openSync(path, 'w')];
    const args = [...CREATE, '/proc/self/fd/0', '.'];
    const { status, stderr } = spawnSync('tar', args, {
      env,
      stdio: [input, output, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(input);
    closeSync(output);
    return { image: readFileSync(path), status, stderr };
  });
}

export function extractImage(
  image: Buffer,
  to: string,
  env: NodeJS.ProcessEnv = FIRST,
): SpawnSyncReturns<string> {
  return withImage((path) => {
    writeFileSync(path, image);
    const input = openSync(path, 'r');
    const done = spawnSync('tar', [...EXTRACT, to], {
      env,
      stdio: [input, 'pipe', 'pipe'],
      encoding: 'utf8',
    });
    closeSync(input);
    return done;
  });
}

function withImage<T>(work: (path: string) => T): T {
  const directory = mkdtempSync('/tmp/cella-image-');
  try {
    return work(`${directory}/image`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
