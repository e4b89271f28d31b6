/** OpenVZ's template tarballs: a root file system, its root directory at the archive's top. */
import { chmodSync, mkdirSync } from 'node:fs';
import { machine } from 'node:os';
import { basename } from 'node:path';
import { CellaError } from '../errors.js';
import type { Template } from './cache.js';
import { readDecompressed } from './decompress.js';
import { digestLayers } from './digest.js';
import { type ImportOptions, templateNameFor } from './import-options.js';
import { guessInit } from './init.js';
import { findInside } from './inside.js';
import { oneLine } from './manifest.js';
import { stageTemplate } from './staging.js';
import { unpack } from './unpack.js';

export async function importTarball(
  file: string,
  templateDir: string,
  options: ImportOptions = {},
): Promise<Template> {
  const { claim, signal } = options;
  const name = templateNameFor(file, options.name);
  return stageTemplate({ templateDir, name, verb: 'import', claim, signal }, async (staging) => {
    const rootfs = makeLayer(staging, 'rootfs');
    await unpack(readDecompressed(file, { signal }), rootfs, options);
    if (!findInside([rootfs], '/bin') && !guessInit([rootfs]))
      throw new CellaError('CREATE_FAILED', `'${file}' holds no root file system at its top`);
    return {
      version: 1,
      name,
      description: '',
      ...(guessInit([rootfs]) ?? { init: ['/sbin/init'], stopSignal: 'SIGPWR', ready: [] }),
      arch: machine(),
      built: new Date().toISOString(),
      source: oneLine(basename(file)),
      layers: ['rootfs'],
      packages: {},
      command: null,
      ...(await digestLayers([rootfs], signal)),
    };
  });
}

/** A directory as "/" has to be, unless the archive says otherwise. */
export function makeLayer(staging: string, name: string): string {
  const path = `${staging}/${name}`;
  mkdirSync(path);
  // mkdir(2) would take the umask into account.
  chmodSync(path, 0o755);
  return path;
}
