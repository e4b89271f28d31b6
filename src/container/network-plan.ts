/** What a container's network is to be, with the private addresses that it needs for that. */
import { readdirSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { applyEdits } from '../config/edits.js';
import { formatConfig, parseConfig } from '../config/grammar.js';
import { formatNetwork, isWithin, type Network, parseNetwork } from '../config/networks.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { listAddresses } from '../host/netlink/addresses.js';
import { listRoutes } from '../host/netlink/routes.js';
import type { Place } from '../plan/network/names.js';
import type { NetworkPlan } from '../plan/network/network-plan.js';
import { keptPrivate, planNetwork, wantedPrivate } from '../plan/network/plan-network.js';
import { allocatePrivate, choosePrivateNetworks, countPrivate } from '../plan/network/private-network.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { ALLOCATION, takeLock } from '../state/lock.js';
import { parsedOnce, readText } from '../state/text-file.js';
import { type Context, loadConfig, lockDirectory } from './context.js';

/** What names and hardware addresses of links are made of. */
export function placeOf({ paths }: Context): Place {
  return { machineId: readText('/etc/machine-id')?.trim() ?? '', rootGroup: paths.cgroupGroup };
}

/** Throws IP_FAILED for what its addresses do not allow. */
export function networkPlanOf(context: Context, config: ContainerConfig): NetworkPlan {
  const { network } = config;
  return planNetwork(config, {
    ...placeOf(context),
    privateNetworks: mayBePrivate(config) ? privateNetworks(context) : [],
    natAddress: network.natAddresses.map(({ address }) => address),
  });
}

function mayBePrivate({ network: { nat, published } }: ContainerConfig): boolean {
  return nat ?? published.length > 0;
}

/**
 * Gives a container the private addresses that its config wants and does not name yet, and writes them down there:
 * they are its own from then on. Returns its config as it is then.
 */
export async function reserveAddresses(context: Context, config: ContainerConfig): Promise<ContainerConfig> {
  if (!mayBePrivate(config)) return config;
  await choosePrivate(context);
  if (missing(context, config).length === 0) return config;
  using _lock = await takeLock({ directory: lockDirectory(context), name: ALLOCATION, verb: 'set' });
  const taken = takenAddresses(context);
  const own = config.network.natAddresses.map(({ address }) => address);
  const kept = keptPrivate(own, wantedPrivate(config.network, privateNetworks(context)));
  const added = missing(context, config).map((network) => allocatePrivate(taken, network));
  const path = context.paths.config(config.ctid);
  const edits = new Map([['NAT_ADDRESS', [...kept, ...added].join(' ')]]);
  writeFileAtomic(path, formatConfig(applyEdits(parseConfig(readText(path) ?? ''), edits)), {
    durable: true,
  });
  faultPoint('network.reserved');
  return {
    ...config,
    network: { ...config.network, natAddresses: loadConfig(context, config.ctid).network.natAddresses },
  };
}

/** The networks of which it wants an address and has none. */
function missing(context: Context, { network }: ContainerConfig): readonly Network[] {
  const wanted = wantedPrivate(network, privateNetworks(context));
  return wanted.filter(
    (one) =>
      keptPrivate(
        network.natAddresses.map(({ address }) => address),
        [one],
      ).length === 0,
  );
}

/** The host's private networks are chosen, if the container needs any. */
export async function readyPrivate(context: Context, config: ContainerConfig): Promise<void> {
  if (mayBePrivate(config)) await choosePrivate(context);
}

/** For one whose processes use its private addresses already: this host has to have the same networks. */
export function expectPrivateAddresses(context: Context, config: ContainerConfig): void {
  const lacking = missing(context, config);
  if (lacking.length > 0)
    throw new CellaError(
      'MIGRATION_FAILED',
      `its private addresses are of other networks than this host's ${lacking.map(formatNetwork).join(', ')}`,
      { hint: 'Give both hosts the same PRIVATE_NETWORKS in vz.conf, or move it stopped.' },
    );
  const taken = takenAddresses(context);
  const clash = config.network.natAddresses.find(({ address }) => taken.includes(address));
  if (clash)
    throw new CellaError(
      'MIGRATION_FAILED',
      `another container of this host has its address ${clash.address}`,
    );
}

/** Of every container, whatever else is wrong with its config. */
function takenAddresses({ paths }: Context): readonly string[] {
  return readdirSync(paths.configDir)
    .filter((file) => /^(\d+\.conf|\.\d+\.conf\.(creating|filling|replacing))$/.test(file))
    .flatMap((file) => addressesIn(readText(`${paths.configDir}/${file}`) ?? '', file));
}

/** There may be thousands of configs. */
const addressesIn = parsedOnce((text): readonly string[] => {
  const [, value = ''] = /^\s*NAT_ADDRESS=(.*)$/m.exec(text) ?? [];
  return value.split(/[\s,"']+/).filter(Boolean);
});

/** Private addresses that containers could have, and those that none has; none where no network is chosen yet. */
export function privateRoom(
  context: Context,
): readonly { readonly family: 4 | 6; readonly free: bigint; readonly total: bigint }[] {
  const taken = [...new Set(takenAddresses(context))].map(parseNetwork);
  return privateNetworks(context).map((network) => {
    const total = countPrivate(network);
    const used = BigInt(taken.filter((address) => isWithin(network, address)).length);
    return { family: network.family, free: total > used ? total - used : 0n, total };
  });
}

/** Those of vz.conf, else what this host has chosen once and for all. */
function privateNetworks(context: Context): readonly Network[] {
  const { privateNetworks: given, ipv6 } = context.hostConfig().network;
  const networks = given.length > 0 ? given : readChosen(context);
  return networks.filter(({ family }) => ipv6 || family === 4);
}

function readChosen(context: Context): readonly Network[] {
  const text = readText(context.paths.privateNetworks);
  return text === undefined
    ? []
    : (JSON.parse(text) as { networks: readonly string[] }).networks.map(parseNetwork);
}

async function choosePrivate(context: Context): Promise<void> {
  if (context.hostConfig().network.privateNetworks.length > 0 || readChosen(context).length > 0) return;
  using _lock = await takeLock({ directory: lockDirectory(context), name: ALLOCATION, verb: 'set' });
  if (readChosen(context).length > 0) return;
  const used = [
    ...(await listAddresses()),
    ...(await listRoutes()).flatMap(({ family, destination }) =>
      destination ? [{ family, ...destination }] : [],
    ),
  ];
  const chosen = choosePrivateNetworks(readText('/etc/machine-id') ?? '', used);
  const networks = [chosen[4], chosen[6]].map(formatNetwork);
  writeFileAtomic(context.paths.privateNetworks, `${JSON.stringify({ version: 1, networks })}\n`, {
    durable: true,
  });
}
