/** The CRIU of this host: Debian's, or one that `setup/criu.sh` has put beside ours where Debian's is too old. */
import { existsSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { CellaError, type ErrorCode } from '../../errors.js';
import {
  compareVersions,
  formatVersion,
  neededCriu,
  parseVersion,
  type Version,
} from '../../plan/checkpoint/criu-version.js';
import { callCriu } from './call.js';

export interface Criu {
  readonly program: string;
  readonly version: Version;
}

/** In this order; CELLA_CRIU names another one. */
const PLACES = ['/usr/local/lib/cella/criu/criu', '/usr/sbin/criu', '/usr/local/sbin/criu'];

/** Fails with the code where there is none, or one that this kernel is too new for. */
export async function findCriu(code: ErrorCode = 'SUSPEND_FAILED'): Promise<Criu> {
  const named = process.env.CELLA_CRIU;
  const program = (named === undefined ? PLACES : [named]).find((path) => existsSync(path));
  if (program === undefined)
    throw new CellaError(code, 'CRIU is not installed', {
      hint: 'Install Debian’s package "criu", or run src/setup/criu.sh.',
    });
  const version = await versionOf(program);
  const { criu, why } = neededCriu(parseVersion(release()));
  if (compareVersions(version, criu) >= 0) return { program, version };
  throw new CellaError(
    code,
    `CRIU ${formatVersion(version)} is too old for Linux ${release()}, which needs ${formatVersion(criu)}: ${why}`,
    { hint: 'Install a newer one: src/setup/criu.sh does.' },
  );
}

/** By the program and when it was changed: to ask takes as long as a good part of a restore. */
const known = new Map<string, Version>();

async function versionOf(program: string): Promise<Version> {
  const { ino, mtimeMs } = statSync(program);
  const key = `${program}:${ino}:${mtimeMs}`;
  const version = known.get(key) ?? (await askVersion(program));
  known.set(key, version);
  return version;
}

async function askVersion(program: string): Promise<Version> {
  const { version } = await callCriu({ program, request: 'version' });
  return version ? [version.major, version.minor, version.sublevel] : [0, 0, 0];
}
