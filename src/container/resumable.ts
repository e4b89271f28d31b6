/** Whether a dump can be resumed here: found out before anything is made of it. */
import { release as kernelRelease } from 'node:os';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { isOlderKernel } from '../plan/checkpoint/criu-version.js';
import { type DumpHeader, imagesOf, readHeader } from '../state/dump.js';
import { findDamaged } from '../state/image-digests.js';

/** Fails with RESUME_FAILED, else returns what the dump says of itself. */
export async function expectResumable(ctid: Ctid, directory: string): Promise<DumpHeader> {
  const header = readHeader(directory);
  const why = header
    ? whyNot(ctid, directory, header)
    : `container ${ctid} is not suspended: there is no '${directory}'`;
  if (!header || why !== undefined) throw new CellaError('RESUME_FAILED', why ?? '');
  const damaged = await findDamaged(imagesOf(directory), header.digests ?? {});
  if (damaged === undefined) return header;
  throw new CellaError('RESUME_FAILED', `'${damaged}' is not as it was written: the state is damaged`);
}

function whyNot(ctid: Ctid, directory: string, header: DumpHeader): string | undefined {
  if (header.ctid !== ctid) return `'${directory}' is the state of container ${header.ctid}`;
  if (header.arch !== process.arch) return `'${directory}' was made on another architecture: ${header.arch}`;
  // Processes that have seen a newer one may not find all of it in this; the other way round is fine.
  return isOlderKernel(kernelRelease(), header.kernel)
    ? `'${directory}' was made on a newer kernel: ${header.kernel}`
    : undefined;
}
