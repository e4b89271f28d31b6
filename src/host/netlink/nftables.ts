/** Elements of sets and maps of nftables, in transactions of our own (<linux/netfilter/nf_tables.h>). */
import type { Element, Part } from '../../plan/network/elements.js';
import { together } from '../together.js';
import { listAttributes, nested, readAttributes, text, u32be } from './attributes.js';
import { type Counter, countOf, encodeElement, type Held, readElement } from './nft-elements.js';
import { ask, dump, expectDone, FLAG, type Message, type Outcome, PROTOCOL, send } from './request.js';

const SUBSYSTEM = 10;
const [BATCH_BEGIN, BATCH_END] = [0x10, 0x11];
const MESSAGE = {
  getChain: 4,
  deleteChain: 5,
  newElement: 12,
  getElement: 13,
  deleteElement: 14,
  getObject: 19,
} as const;
const LIST = { table: 1, set: 2, elements: 3 } as const;
const CHAIN = { table: 1, name: 3 } as const;
const OBJECT = { table: 1, name: 2, type: 3, data: 4 } as const;
const OBJECT_COUNTER = 1;
/** NFPROTO_INET and NFPROTO_BRIDGE. */
const [INET, BRIDGE] = [1, 7];
const HEADER = 4;
/** Keys of one message: an attribute's length has sixteen bits. */
const AT_ONCE = 400;

/** `struct nfgenmsg`. */
function header(resource = 0, family = INET): Buffer {
  const bytes = Buffer.from([family, 0, 0, 0]);
  bytes.writeUInt16BE(resource, 2);
  return bytes;
}

/** Tables are called by their name, those of bridges with this before it. */
export const OF_BRIDGES = 'bridge:';

function headerOf(table: string): Buffer {
  return header(0, table.startsWith(OF_BRIDGES) ? BRIDGE : INET);
}

const nameOf = (table: string): string => table.replace(OF_BRIDGES, '');

const kind = (message: number): number => (SUBSYSTEM << 8) | message;

interface Change {
  readonly message: number;
  readonly flags: number;
  readonly elements: readonly Element[];
}

function messages(table: string, { message, flags, elements }: Change): readonly Message[] {
  return [...bySet(elements)].flatMap(([set, all]) => {
    const pieces = Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, at) =>
      all.slice(at * AT_ONCE, (at + 1) * AT_ONCE),
    );
    return pieces.map((piece) => ({
      type: kind(message),
      flags,
      body: Buffer.concat([
        headerOf(table),
        text(LIST.table, nameOf(table)),
        text(LIST.set, set),
        nested(LIST.elements, ...piece.map(encodeElement)),
      ]),
    }));
  });
}

function bySet(elements: readonly Element[]): ReadonlyMap<string, readonly Element[]> {
  const sets = new Map<string, Element[]>();
  for (const element of elements) {
    const all = sets.get(element.set);
    if (all) all.push(element);
    else sets.set(element.set, [element]);
  }
  return sets;
}

async function transaction(all: readonly Message[]): Promise<readonly Outcome[]> {
  const mark = (type: number): Message => ({ type, body: header(SUBSYSTEM, 0), ack: false });
  const done = await send(PROTOCOL.netfilter, [mark(BATCH_BEGIN), ...all, mark(BATCH_END)], { whole: true });
  return done;
}

/** All of them or none, `fresh` as well: EEXIST where one of these is there already. ENOENT: no such table or set. */
export async function addElements(
  table: string,
  elements: readonly Element[],
  fresh: readonly Element[] = [],
): Promise<void> {
  if (elements.length + fresh.length > 0) await add({ table, elements, fresh });
}

interface Addition {
  readonly table: string;
  readonly elements: readonly Element[];
  readonly fresh: readonly Element[];
}

/** What this process adds at one time goes in one transaction. */
const add = together(async (additions: readonly Addition[]) => {
  const message = MESSAGE.newElement;
  const all = additions.flatMap(({ table, elements, fresh }) => [
    ...messages(table, { message, flags: FLAG.create, elements }),
    ...messages(table, { message, flags: FLAG.create | FLAG.exclusive, elements: fresh }),
  ]);
  expectDone(await transaction(all));
});

interface Removal {
  readonly table: string;
  readonly elements: readonly Element[];
  readonly chains: readonly string[];
}

/**
 * Takes away what of it is there, with `chains` and their rules, to which nothing else may lead (EBUSY), in one
 * transaction. One that deletes has the next one wait until no packet can be using it (some ten milliseconds): what this
 * process takes away at one time goes in one.
 */
export async function removeElements(
  table: string,
  elements: readonly Element[],
  chains: readonly string[] = [],
): Promise<void> {
  if (elements.length + chains.length > 0) await remove({ table, elements, chains });
}

const remove = together(async (removals: readonly Removal[]) => {
  const done = await transaction(removals.flatMap(removing));
  if (done.every(({ code }) => code === undefined)) return;
  const [removal, another] = removals;
  expectDone(done, another ? [] : ['ENOENT']);
  // One that is missing fails all: those that are there go alone.
  const rest = removal ? removing(await stillThere(removal)) : [];
  if (rest.length > 0) expectDone(await transaction(rest), ['ENOENT']);
});

function removing({ table, elements, chains }: Removal): readonly Message[] {
  return [
    ...messages(table, { message: MESSAGE.deleteElement, flags: 0, elements }),
    ...chains.map((name) => ({ type: kind(MESSAGE.deleteChain), body: chainBody(table, name) })),
  ];
}

async function stillThere({ table, elements, chains }: Removal): Promise<Removal> {
  const found = await findElements(table, elements);
  const there = await Promise.all(chains.map((name) => hasChain(table, name)));
  return {
    table,
    elements: elements.filter((_, index) => found[index]),
    chains: chains.filter((_, index) => there[index]),
  };
}

/** In the order of `elements`, all with one request; undefined for what is not there, or whose set is not. */
export async function findElements(
  table: string,
  elements: readonly Element[],
): Promise<readonly (Held | undefined)[]> {
  const found = await ask(PROTOCOL.netfilter, lookups(table, elements), { accept: ['ENOENT'] });
  return found.map(({ answers }) => answers.flatMap(({ body }) => readElements(body))[0]);
}

/** Of one key there are often many, each in a set of its own. */
function lookups(table: string, elements: readonly Element[]): readonly Message[] {
  const place = Buffer.concat([headerOf(table), text(LIST.table, nameOf(table))]);
  const keys = new Map<readonly Part[], Buffer>();
  return elements.map(({ set, key }) => {
    const bytes = keys.get(key) ?? nested(LIST.elements, encodeElement({ set, key }));
    keys.set(key, bytes);
    return { type: kind(MESSAGE.getElement), body: Buffer.concat([place, text(LIST.set, set), bytes]) };
  });
}

/** All of a set. */
export async function listElements(table: string, set: string): Promise<readonly Held[]> {
  const body = Buffer.concat([headerOf(table), text(LIST.table, nameOf(table)), text(LIST.set, set)]);
  const found = await dump(PROTOCOL.netfilter, { type: kind(MESSAGE.getElement), body });
  return found.flatMap((answer) => readElements(answer.body));
}

function readElements(body: Buffer): readonly Held[] {
  const list = readAttributes(body.subarray(HEADER)).get(LIST.elements);
  return list ? listAttributes(list).map(([, element]) => readElement(readAttributes(element))) : [];
}

/** Whether a table of family inet has a chain. */
export async function hasChain(table: string, name: string): Promise<boolean> {
  const message = { type: kind(MESSAGE.getChain), body: chainBody(table, name) };
  const [found] = await ask(PROTOCOL.netfilter, [message], { accept: ['ENOENT'] });
  return found?.code === undefined;
}

/** A counter with a name; undefined where there is none. */
export async function findCounter(table: string, name: string): Promise<Counter | undefined> {
  const parts = [text(OBJECT.table, table), text(OBJECT.name, name), u32be(OBJECT.type, OBJECT_COUNTER)];
  const message = { type: kind(MESSAGE.getObject), body: Buffer.concat([header(), ...parts]) };
  const [found] = await ask(PROTOCOL.netfilter, [message], { accept: ['ENOENT'] });
  const [answer] = found?.answers ?? [];
  const data = answer && readAttributes(answer.body.subarray(HEADER)).get(OBJECT.data);
  return data && countOf(data);
}

const chainBody = (table: string, name: string): Buffer =>
  Buffer.concat([headerOf(table), text(CHAIN.table, nameOf(table)), text(CHAIN.name, name)]);
