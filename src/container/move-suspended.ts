/** The state of a suspended container on its way to another host, which has it from when the container is its own. */
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { sendImages } from '../migrate/images.js';
import type { Link } from '../migrate/link.js';
import type { LiveFacts } from '../migrate/messages.js';
import { planCgroup } from '../plan/cgroup.js';
import { type DumpHeader, imagesOf, settle, writeHeader } from '../state/dump.js';
import { findDamaged } from '../state/image-digests.js';
import type { State } from './arrive.js';
import type { Context } from './context.js';
import { liveFacts } from './live-facts.js';
import { expectResumable } from './resumable.js';
import { dumpOf } from './suspended.js';

/** What has to fit for it to go on there. */
export async function suspendedFacts(
  context: Context,
  config: ContainerConfig,
  { kernel, criu }: DumpHeader,
): Promise<LiveFacts> {
  return { ...(await liveFacts(context, config)), kernel, criu };
}

export async function sendSuspended(context: Context, ctid: Ctid, link: Link): Promise<void> {
  const directory = dumpOf(context, ctid);
  const header = await expectResumable(ctid, directory);
  await link.send({ type: 'state', header });
  await sendImages(link, imagesOf(directory));
}

/** As if it had been suspended here. */
export async function putSuspended(
  context: Context,
  config: ContainerConfig,
  { directory, header }: State,
): Promise<void> {
  writeHeader(directory, headerHere(context, config, header));
  await settle(dumpOf(context, config.ctid), directory);
}

/** Its place is another one, and its images have been changed. */
export function headerHere(
  { facts }: Context,
  config: ContainerConfig,
  { digests: _, ...header }: DumpHeader,
): DumpHeader {
  const { ctid, root } = config;
  const { cgroups, cgroupGroup } = facts();
  const { directories } = planCgroup(cgroups, cgroupGroup, ctid, config);
  return { ...header, ctid, record: { ...header.record, ctid, root, cgroups: directories } };
}

/** Of one that was suspended digests are known. */
export async function expectWhole(images: string, { digests = {} }: DumpHeader): Promise<void> {
  const damaged = await findDamaged(images, digests);
  if (damaged !== undefined)
    throw new CellaError('MIGRATION_FAILED', `'${damaged}' is not as it was written: the state is damaged`);
}
