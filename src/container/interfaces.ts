/** Interfaces of the host that a container has: named in its runtime record before they move, until they are back. */
import type { Ctid } from '../config/ctid.js';
import { faultPoint } from '../fault.js';
import { dropNamespace, giveInterface, keepNamespace, takeBackInterface } from '../host/interfaces.js';
import { type Links, type RuntimeRecord, writeRecord } from '../state/record.js';
import type { Context } from './context.js';

/** Moves interfaces into the network of process `pid`; returns the record as it is then. */
export async function giveInterfaces(
  context: Context,
  record: RuntimeRecord,
  pid: number,
  names: readonly string[],
): Promise<RuntimeRecord> {
  const path = context.paths.record(record.ctid);
  const namespace = context.paths.network(record.ctid);
  const had = record.links?.interfaces ?? [];
  let links: Links = {
    namespace,
    interfaces: [...had, ...names.map((name) => ({ name, index: null }))],
  };
  writeRecord(path, { ...record, links });
  if (!record.links) await keepNamespace(namespace, pid);
  faultPoint('netdev.kept');
  for (const name of names) {
    const index = await giveInterface(namespace, name);
    faultPoint('netdev.moved');
    links = {
      namespace,
      interfaces: links.interfaces.map((link) => (link.name === name ? { name, index } : link)),
    };
    writeRecord(path, { ...record, links });
  }
  return { ...record, links };
}

/** Those of `names`, or all: back to the network of this process. The namespace is let go when nothing is left in it. */
export async function takeBackInterfaces(
  context: Context,
  record: RuntimeRecord,
  names?: readonly string[],
): Promise<RuntimeRecord> {
  const { links, ...rest } = record;
  if (!links) return record;
  const leaving = links.interfaces.filter(({ name }) => names?.includes(name) ?? true);
  const staying = links.interfaces.filter((link) => !leaving.includes(link));
  for (const link of leaving) await takeBack(context, record.ctid as Ctid, links.namespace, link);
  if (staying.length === 0) await dropNamespace(links.namespace);
  const after = staying.length === 0 ? rest : { ...rest, links: { ...links, interfaces: staying } };
  writeRecord(context.paths.record(record.ctid), after);
  return after;
}

async function takeBack(
  context: Context,
  ctid: Ctid,
  namespace: string,
  link: Links['interfaces'][number],
): Promise<void> {
  if (await takeBackInterface(namespace, link)) return;
  // One that was never moved is where it belongs.
  if (link.index === null) return;
  const message = `network interface '${link.name}' did not come back: it is gone, or another has its name`;
  context.report({ type: 'warning', ctid, message });
}
