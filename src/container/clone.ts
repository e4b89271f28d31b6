/** clone: a stopped container once more, under an id and with user ids of its own. */
import type { Ctid } from '../config/ctid.js';
import { formatConfig, parseConfig, updateConfig } from '../config/grammar.js';
import { forAnother } from '../config/own-settings.js';
import { CellaError } from '../errors.js';
import { NO_SNAPSHOTS, readSnapshots, writeSnapshots } from '../state/snapshots.js';
import { readText } from '../state/text-file.js';
import { copyScripts } from './action-files.js';
import { storeOf } from './area.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { expectFree } from './create.js';
import { settleLinks } from './links.js';
import { chooseRange, expectNoArea, lockAllocation, makeFiles } from './make.js';
import { expectStopped, expectUnmounted, recover } from './recover.js';

/** Shares blocks with the first one where the file system can: on btrfs at once, with reflinks file by file. */
export async function clone(
  context: Context,
  ctid: Ctid,
  source: Ctid,
  signal?: AbortSignal,
): Promise<{ readonly privileged: boolean }> {
  if (ctid === source) throw new CellaError('PRIVATE_EXISTS', `container ${ctid} exists already`);
  // In order of their ids, so that no two clones wait for each other.
  const [first, second] = ctid < source ? [ctid, source] : [source, ctid];
  using _first = await lockContainer(context, first, 'clone', signal);
  using _second = await lockContainer(context, second, 'clone', signal);
  await recover(context, source);
  await recover(context, ctid);
  expectFree(context, ctid);
  const from = loadConfig(context, source);
  expectStopped(context, source);
  expectUnmounted(from);
  using ids = await lockAllocation(context, 'clone', signal);
  const range = chooseRange(context, from.localUid === 0 ? 0 : undefined);
  const text = formatConfig(
    updateConfig(
      forAnother(parseConfig(readText(context.paths.config(source)) ?? '')),
      new Map<string, string | null>([
        ['LOCAL_UID', String(range)],
        ['LOCAL_GID', String(range)],
      ]),
    ),
  );
  const config = context.readContainer(ctid, text, context.paths.config(ctid));
  if (config.root === from.root || config.privateArea === from.privateArea)
    throw new CellaError(
      'PRIVATE_EXISTS',
      `container ${source} has a VE_ROOT or VE_PRIVATE for itself alone`,
      {
        hint: 'Write them with $VEID in its config.',
      },
    );
  expectNoArea(config);
  await settleLinks(context, from);
  await makeFiles(context, config, {
    text,
    fill: async (area) => {
      // By now a file says that the ids are taken, and the template: nobody else has to wait for the copy.
      ids.release();
      const { current, snapshots } = readSnapshots(from.privateArea);
      const chain = await storeOf(config).copy({ path: from.privateArea, chain: current.chain }, area);
      // A copied image holds the snapshots too: the next verb takes away what nothing is made of.
      const unfinished = from.layout.store === 'image' && snapshots.length > 0 ? { config: null } : null;
      writeSnapshots(area.path, { ...NO_SNAPSHOTS, current: { chain, parent: null }, unfinished });
    },
  });
  copyScripts(context, { from: source, to: ctid });
  return { privileged: range === 0 };
}
