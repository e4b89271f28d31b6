/** Devices of this host by their name, their numbers, or the PCI device that they belong to. */
import { type Dirent, existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { CellaError, isErrno } from '../errors.js';
import type { GivenNode } from '../plan/equipment.js';

/** Where the host shows them. */
export interface DevicePlaces {
  readonly dev: string;
  readonly sys: string;
}

export const PLACES: DevicePlaces = { dev: '/dev', sys: '/sys' };

type Numbers = Pick<GivenNode, 'type' | 'major' | 'minor'>;

const USUAL_PERMISSIONS = 0o660;

/** Fails with DEVICE_FAILED. */
export function nodeByName({ dev }: DevicePlaces, name: string): GivenNode {
  const stats = statSync(`${dev}/${name}`, { throwIfNoEntry: false });
  if (!stats?.isCharacterDevice() && !stats?.isBlockDevice())
    throw new CellaError('DEVICE_FAILED', `'${dev}/${name}' is no device of this host`);
  const type = stats.isBlockDevice() ? 'b' : 'c';
  return { name, type, ...numbersOf(stats.rdev), permissions: stats.mode & 0o777 };
}

/** Named as udev would; undefined for what this host has not. */
export function nodeByNumbers(places: DevicePlaces, numbers: Numbers): GivenNode | undefined {
  const { type, major, minor } = numbers;
  return nodeAt(places, `${places.sys}/dev/${type === 'b' ? 'block' : 'char'}/${major}:${minor}`, numbers);
}

function nodeAt(places: DevicePlaces, directory: string, numbers: Numbers): GivenNode | undefined {
  const name = /^DEVNAME=(.+)$/m.exec(read(`${directory}/uevent`) ?? '')?.[1];
  if (name === undefined || name.split('/').includes('..')) return undefined;
  const mode = statSync(`${places.dev}/${name}`, { throwIfNoEntry: false })?.mode;
  const permissions = mode === undefined ? USUAL_PERMISSIONS : mode & 0o777;
  return { name, ...numbers, permissions };
}

export interface PciDevice {
  readonly nodes: readonly GivenNode[];
  /** Names of network interfaces. */
  readonly interfaces: readonly string[];
}

const PCI_ADDRESS = /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** What belongs to a PCI device, but not to those behind it. Fails with PCI_FAILED. */
export function pciDevice(places: DevicePlaces, address: string): PciDevice {
  const root = `${places.sys}/bus/pci/devices/${address}`;
  if (!existsSync(root)) throw new CellaError('PCI_FAILED', `this host has no PCI device '${address}'`);
  const directories = [...below(root)];
  const interfaces = directories
    .filter((at) => basename(at.slice(0, at.lastIndexOf('/'))) === 'net')
    .map((at) => basename(at));
  const nodes = directories.flatMap((at) => {
    const [major, minor] = (read(`${at}/dev`) ?? '').trim().split(':').map(Number);
    if (major === undefined || minor === undefined) return [];
    const node = nodeAt(places, at, { type: isBlock(at) ? 'b' : 'c', major, minor });
    return node ? [node] : [];
  });
  return { nodes, interfaces };
}

function isBlock(directory: string): boolean {
  try {
    return basename(readlinkSync(`${directory}/subsystem`)) === 'block';
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Every directory below; links lead to others' devices. */
function* below(directory: string): Generator<string> {
  for (const entry of list(directory)) {
    if (!entry.isDirectory() || PCI_ADDRESS.test(entry.name)) continue;
    yield `${directory}/${entry.name}`;
    yield* below(`${directory}/${entry.name}`);
  }
}

/** Devices come and go while one looks. */
function list(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES')) return [];
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENODEV', 'EACCES', 'EISDIR')) return undefined;
    throw error;
  }
}

/** dev_t as makedev(3) puts it together. */
function numbersOf(device: number): { readonly major: number; readonly minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}
