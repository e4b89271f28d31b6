/** A host of Cella in a network namespace: does what it is told to by messages {name, args}, as verbs do it. */
import { appendFileSync, mkdirSync, openSync } from 'node:fs';
import { openContext } from '../../dist/container/context.js';
import {
  attachNetwork,
  detachNetwork,
  expectUnclaimed,
  intendNetwork,
  readyTable,
  tableName,
} from '../../dist/container/network.js';
import {
  deleteLink,
  getLink,
  listLinks,
  newVeth,
  readLink,
  removeLinks,
  setLink,
} from '../../dist/host/netlink/links.js';
import { deleteProxy, newProxy } from '../../dist/host/netlink/neighbours.js';
import { addElements } from '../../dist/host/netlink/nftables.js';
import { PROTOCOL, request } from '../../dist/host/netlink/request.js';
import { deleteGroupRoute, newRoute } from '../../dist/host/netlink/routes.js';
import { GROUP } from '../../dist/host/network/venet.js';
import { openHost } from '../../dist/index.js';
import { elements } from '../../dist/plan/network/elements.js';

/** Links made by one request. */
const AT_ONCE = 250;

let context;
const records = new Map();
/** For whom the host answers that `populate` made. */
let answering = [];

/** A container of its address, or addresses, in the network of the host's neighbour, with one published port. */
function planOf(number, families, isPrivate = false) {
  const [high, low] = [number >> 8, number & 255];
  const text = { 4: `198.18.${high}.${low}`, 6: `2001:db8::${number.toString(16)}` };
  const addresses = families.map((family) => ({ family, address: text[family], private: isPrivate }));
  const mac = `ce:11:00:00:${[high, low].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
  const published = families.map((family) => publication(family, text[family], 10_000 + number, 80));
  const venet = { hostName: `venet${number}`, mac, addresses };
  return { ctid: number, venet, interfaces: [], published, firewall: null, shaping: null };
}

function publication(family, address, outer, port) {
  const ports = { first: outer, last: outer };
  return { family, protocol: 'tcp', address: null, ports, to: { address, port } };
}

async function attach(plan, pid) {
  const intent = await intendNetwork(context, plan);
  await expectUnclaimed(context, plan.ctid, intent);
  await attachNetwork(context, intent, pid);
  records.set(plan.ctid, { ctid: plan.ctid, network: intent.record });
}

const detach = async (number) => {
  const record = records.get(number);
  await detachNetwork(context, record);
  records.delete(number);
};

const linkOf = (number) => `venet${number}`;

async function makeLinks(plans, namespace) {
  const messages = plans.flatMap(({ ctid, venet }) => [
    newVeth(
      venet.hostName,
      { mac: venet.mac, noArp: true, group: GROUP },
      { mac: venet.mac, noArp: true, name: `peer${ctid}`, namespace },
    ),
    setLink(venet.hostName, { noAddress: true }),
  ]);
  await request(PROTOCOL.route, messages);
  const up = plans.map(({ ctid }) => setLink(`peer${ctid}`, { up: true }));
  await request(PROTOCOL.route, up, { namespace });
  const raised = plans.flatMap(({ venet: { hostName } }) => [
    setLink(hostName, { up: true }),
    getLink(hostName),
  ]);
  const done = await request(PROTOCOL.route, raised);
  const indexes = done.flatMap(({ answers }) => answers.map(({ body }) => readLink(body).index));
  await request(PROTOCOL.route, indexes.map(deleteGroupRoute));
}

const timed = async (work) => {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
};

const functions = {
  async open(rootDir) {
    const host = await openHost({ rootDir });
    await host.setup();
    context = openContext(rootDir);
    // Others have 200 ms to say that an address is theirs, while the container starts otherwise.
    appendFileSync(context.paths.hostConfig, 'SKIP_ARPDETECT=yes\n');
    mkdirSync(context.paths.runDir, { recursive: true });
    await readyTable(context, tableName(context));
  },

  /** So many containers, whose ends are all in the network of one process. */
  async populate(count, families, pid, uplink) {
    const namespace = openSync(`/proc/${pid}/ns/net`, 'r');
    const plans = Array.from({ length: count }, (_, index) => planOf(1001 + index, families));
    for (let at = 0; at < count; at += AT_ONCE) await makeLinks(plans.slice(at, at + AT_ONCE), namespace);
    const links = await listLinks();
    const indexes = new Map(links.map(({ name, index }) => [name, index]));
    const all = plans.flatMap(({ venet }) =>
      venet.addresses.map((at) => ({ ...at, oif: indexes.get(venet.hostName) })),
    );
    const route = ({ family, address, oif }) =>
      newRoute({ family, oif, destination: { address, prefix: family === 4 ? 32 : 128 } });
    await request(PROTOCOL.route, all.map(route));
    answering = all.map(({ address }) => ({ index: indexes.get(uplink), address }));
    await addElements(tableName(context), plans.flatMap(elements));
  },

  /** For all that `populate` made, or for none of them. */
  answer: (isOn) => request(PROTOCOL.route, answering.map(isOn ? newProxy : deleteProxy)).then(() => null),

  /** A container to talk with, of a private address, whose port is published as 80. */
  attachPrivate: (address, port, pid) => {
    const venet = {
      hostName: 'venet1',
      mac: 'ce:11:00:00:00:01',
      addresses: [{ family: 4, address, private: true }],
    };
    const published = port.map((each) => publication(4, address, each, each));
    return attach({ ctid: 1, venet, interfaces: [], published, firewall: null, shaping: null }, pid);
  },

  /** One with an interface on a bridge, behind which the host is its gateway. */
  attachBridged: (bridge, { address, prefix, gateway }, pid) => {
    const given = { kind: 'veth', name: 'eth0', mac: 'ce:11:00:00:00:02', bridge, vlan: null, trunks: [] };
    const host = { name: 'veth2', mac: 'fe:11:00:00:00:02' };
    const addressed = { addresses: [{ family: 4, address, prefix }], gateways: [gateway], configure: true };
    const filters = { isolated: false, macFilter: true, ipFilter: true };
    const interfaces = [{ ...given, ...addressed, ...filters, host }];
    return attach({ ctid: 2, venet: null, interfaces, published: [], firewall: null, shaping: null }, pid);
  },

  /** Milliseconds: all at one time, as a host starts its containers. `isPrivate`: the host answers for none of them. */
  attach: (families, pids, isPrivate) =>
    timed(() => Promise.all(pids.map((pid, index) => attach(planOf(101 + index, families, isPrivate), pid)))),

  /** Milliseconds, all at one time: what a verb does, and their links, which otherwise go with the containers' networks. */
  async detachTogether(count) {
    const numbers = Array.from({ length: count }, (_, index) => 101 + index);
    const own = await timed(() => Promise.all(numbers.map(detach)));
    return { own, links: await timed(() => removeLinks(numbers.map(linkOf))) };
  },

  /** Milliseconds, one after the other. */
  detachSingly: (count) =>
    timed(async () => {
      for (let number = 101; number < 101 + count; number += 1) {
        await detach(number);
        await request(PROTOCOL.route, [deleteLink(linkOf(number))]);
      }
    }),

  /** Milliseconds: of links alone, which it makes first. */
  async removeLinks(count, together, pid) {
    const namespace = openSync(`/proc/${pid}/ns/net`, 'r');
    const plans = Array.from({ length: count }, (_, index) => planOf(101 + index, [4]));
    await makeLinks(plans, namespace);
    const names = plans.map(({ venet }) => venet.hostName);
    return timed(async () => {
      if (together) await removeLinks(names);
      else for (const name of names) await request(PROTOCOL.route, [deleteLink(name)]);
    });
  },
};

process.on('disconnect', () => process.exit());
process.on('message', async ({ name, args }) => {
  try {
    process.send({ value: await functions[name](...args) });
  } catch (error) {
    process.send({ error: error.stack });
  }
});
process.send('ready');
