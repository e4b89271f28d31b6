/** What every importer is asked for, and how a template gets its name. */
import { basename } from 'node:path';
import { CellaError } from '../errors.js';
import type { UnpackLimits } from './limits.js';
import { isTemplateName } from './manifest.js';
import type { Claim } from './staging.js';
import type { UnpackProgress } from './unpack.js';

export interface ImportOptions {
  /** Of the template. Default: made of the file's. */
  readonly name?: string | undefined;
  readonly limits?: Partial<UnpackLimits>;
  /** See `StagingRequest`. */
  readonly claim?: Claim | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: (progress: UnpackProgress) => void;
}

const SUFFIX = /(\.tar)?(\.(gz|xz|bz2|zst|zstd|tgz|txz|tbz2?|tzst|oci))?$/i;

/** The name that was asked for, or one after the file. */
export function templateNameFor(source: string, wanted: string | undefined): string {
  const name = wanted ?? basename(source).replace(SUFFIX, '');
  if (isTemplateName(name)) return name;
  if (wanted !== undefined)
    throw new CellaError('BAD_VALUE', `'${wanted.slice(0, 64)}' is not a name of a template`);
  throw new CellaError(
    'BAD_VALUE',
    `no name for a template can be made of '${basename(source).slice(0, 64)}'`,
    {
      hint: 'Give one with --name.',
    },
  );
}
